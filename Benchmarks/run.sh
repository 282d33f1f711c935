#!/usr/bin/env bash
# Measures the server against nginx and writes docs/performance.md. With --short: finds gross regressions only, and writes nothing.
# Needs root or sudo, for apt, and for as many file descriptors as there are idle connections. Arguments: see main.py --help.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

setup
install_packages gcc libssl-dev nghttp2-client python3 util-linux wrk
# Debian starts a web server as soon as it is installed, on port 80 of all addresses, unless this file says that services may not start.
if ! command -v nginx >/dev/null; then
    policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        # Somebody, such as the maker of a container, has said it already.
        install_packages nginx-light
    else
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        (install_packages nginx-light) || status=$?
        as_root rm -f "$policy"
        [ "$status" = 0 ] || exit "$status"
        # Nor when the machine starts the next time.
        ! command -v systemctl >/dev/null || as_root systemctl disable nginx
    fi
fi
# shellcheck disable=SC2119  # without arguments it builds everything but the tests
build
libraries=$(mktemp -d)
trap 'rm -rf "$libraries"' EXIT
for library in client_certificate allocation_count; do
    gcc -O2 -Wall -shared -fPIC -o "$libraries/$library.so" "Benchmarks/$library.c" -ldl -lssl
done
ulimit -n "$(ulimit -Hn)"
python3 Benchmarks/main.py "$(swift build -c release --show-bin-path)/kes" "$libraries" --output docs/performance.md "$@"
