#!/usr/bin/env bash
# Makes the plugin kit: all that the author of a keystore needs, and nothing of the server's source.
#
#   ./scripts/plugin-kit.sh [DIRECTORY]   puts keswick-plugin-kit-VERSION-MACHINE.tar.gz there (default: .build/plugin-kit)
#
# KES_BUILD names a directory with a built `kes`; without it, the script builds. KES_COMPRESSION is gzip's, 1 to 9.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-.build/plugin-kit}
if [ -z "${KES_BUILD:-}" ]; then
    # shellcheck source=scripts/setup.sh
    . scripts/setup.sh
    setup
    build --product kes
    KES_BUILD=$(swift build -c release --show-bin-path)
fi
version=$("$KES_BUILD/kes" --version | sed 's/^kes //')
name=keswick-plugin-kit-$version-$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kit=$work/$name

umask 022
mkdir -p "$kit"/{bin,include,lib/kes,lib/pkgconfig,lib/cmake/keswick-plugin,share/doc/keswick,share/keswick/templates,share/keswick/swift/Sources}

# The program, and beside it the libraries of Swift's and those that not every machine has. It looks for them beside itself.
install -m 755 "$KES_BUILD/kes" "$kit/lib/kes/kes"
strip --strip-unneeded "$kit/lib/kes/kes"
# shellcheck disable=SC2016  # the dynamic linker knows what $ORIGIN is
chrpath --replace '$ORIGIN' "$kit/lib/kes/kes" >/dev/null
ldd "$KES_BUILD/kes" | awk '$3 ~ /\/swift\/|\/libnghttp2\.|\/libyaml-|\/libcrypto\./ {print $3}' | while read -r library; do
    install -m 644 "$library" "$kit/lib/kes/"
done
ln -s ../lib/kes/kes "$kit/bin/kes"

install -m 644 Sources/PluginAPI/include/keswick_keystore.h "$kit/include/"
sed "s/@VERSION@/$version/" packaging/plugin-kit/keswick-plugin.pc.in >"$kit/lib/pkgconfig/keswick-plugin.pc"
install -m 644 packaging/plugin-kit/keswick-plugin-config.cmake "$kit/lib/cmake/keswick-plugin/"

# What git knows of the templates: nothing that a build has left there.
for language in c cpp rust swift; do cp -R "examples/plugins/$language" "$kit/share/keswick/templates/"; done
rm -rf "$kit"/share/keswick/templates/*/{target,vendor,Cargo.lock,.build}
rm -f "$kit"/share/keswick/templates/*/*.so
cp -R Sources/PluginKit Sources/PluginAPI "$kit/share/keswick/swift/Sources/"
install -m 644 packaging/plugin-kit/Package.swift "$kit/share/keswick/swift/"

install -m 644 docs/plugins.md "$kit/share/doc/keswick/"
install -m 644 LICENSE "$kit/"
install -m 644 packaging/plugin-kit/README "$kit/"

mkdir -p "$target"
tar --create --directory "$work" --owner=0 --group=0 --sort=name "$name" | gzip "-${KES_COMPRESSION:-9}" >"$target/$name.tar.gz"
echo "$target/$name.tar.gz"
