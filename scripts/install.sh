#!/usr/bin/env bash
# Builds, and installs the server on this machine: program, keystores, manual page, completion, and the unit for systemd.
#
#   sudo ./scripts/install.sh [ROOT]    ROOT: a directory to put it all below, for packages; default /
#
# Replaces what an earlier run installed. Makes no configuration and starts nothing. To uninstall: remove what it prints.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

root=${1:-}
root=${root%/}
[ -n "$root" ] || [ "$(id -u)" = 0 ] || die "installing needs root: sudo $0, or name a directory to put everything below"
setup
# shellcheck disable=SC2119  # without arguments it builds everything but the tests
build
binaries=$(swift build -c release --show-bin-path)

put() {
    install -D -m "$1" "$2" "$root$3"
    echo "$root$3"
}

umask 022
# Swift's own libraries lie beside the program, which looks for them there: a toolchain in somebody's home is not for a server.
put 755 "$binaries/kes" /usr/lib/kes/kes
ldd "$binaries/kes" | awk '$3 ~ /\/swift\// {print $3}' | while read -r library; do
    put 644 "$library" "/usr/lib/kes/$(basename "$library")"
done
for manifest in plugins.d/*.yml; do
    library=$(sed -n 's/^library: *//p' "$manifest")
    put 644 "$binaries/$library" "/usr/lib/kes/$library"
    put 644 "$manifest" "/etc/kes/plugins.d/$(basename "$manifest")"
done
install -d "$root/usr/bin"
ln -sf ../lib/kes/kes "$root/usr/bin/kes"
echo "$root/usr/bin/kes"
put 644 docs/man/kes.1 /usr/share/man/man1/kes.1
"$binaries/kes" completion bash >"$binaries/kes.bash"
put 644 "$binaries/kes.bash" /usr/share/bash-completion/completions/kes
put 644 examples/systemd/kes.service /etc/systemd/system/kes.service
