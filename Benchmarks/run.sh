#!/usr/bin/env bash
# Measures the server against nginx and writes docs/performance.md. With --short: finds gross regressions only, and writes nothing.
# Needs root or sudo, for apt, and for as many file descriptors as there are idle connections. Arguments: see main.py --help.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

setup
install_packages gcc libssl-dev nghttp2-client python3 util-linux wrk
install_service nginx nginx-light
# shellcheck disable=SC2119  # without arguments it builds everything but the tests
build
libraries=$(mktemp -d)
trap 'rm -rf "$libraries"' EXIT
for library in client_certificate allocation_count; do
    gcc -O2 -Wall -shared -fPIC -o "$libraries/$library.so" "Benchmarks/$library.c" -ldl -lssl
done
ulimit -n "$(ulimit -Hn)"
python3 Benchmarks/main.py "$(swift build -c release --show-bin-path)/kes" "$libraries" --output docs/performance.md "$@"
