#!/usr/bin/env bash
# Builds, and installs the server on this machine: program, keystores, manual page, completion, and the unit for systemd.
#
#   ./scripts/install.sh [ROOT]    ROOT: a directory to put it all below, for packages; default /
#
# Builds as who starts it, and copies as root, with sudo where needed. Replaces what an earlier run installed. Makes no configuration
# and starts nothing. To uninstall: remove what it prints.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

root=${1:-}
root=${root%/}
setup
# shellcheck disable=SC2119  # without arguments it builds everything but the tests
build
binaries=$(swift build -c release --show-bin-path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Changes something below ROOT.
change() { if [ -n "$root" ]; then "$@"; else as_root "$@"; fi; }

put() {
    change install -D -m "$1" "$2" "$root$3"
    echo "$root$3"
}

# The same for what was built, which then looks for libraries beside itself only: what root runs must not load any from the toolchain of
# who built it, which may lie in a home directory.
put_built() {
    cp "$binaries/$2" "$work/"
    # shellcheck disable=SC2016  # the dynamic linker knows what $ORIGIN is
    chrpath --replace '$ORIGIN' "$work/$2" >/dev/null
    put "$1" "$work/$2" "/usr/lib/kes/$2"
}

umask 022
put_built 755 kes
ldd "$binaries/kes" | awk '$3 ~ /\/swift\// {print $3}' | while read -r library; do
    put 644 "$library" "/usr/lib/kes/$(basename "$library")"
done
for manifest in plugins.d/*.yml; do
    library=$(sed -n 's/^library: *//p' "$manifest")
    put_built 644 "$library"
    put 644 "$manifest" "/etc/kes/plugins.d/$(basename "$manifest")"
done
change install -d "$root/usr/bin"
change ln -sf ../lib/kes/kes "$root/usr/bin/kes"
echo "$root/usr/bin/kes"
put 644 docs/man/kes.1 /usr/share/man/man1/kes.1
"$binaries/kes" completion bash >"$work/kes.bash"
put 644 "$work/kes.bash" /usr/share/bash-completion/completions/kes
put 644 examples/systemd/kes.service /etc/systemd/system/kes.service
