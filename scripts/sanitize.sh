#!/usr/bin/env bash
# Runs the tests under AddressSanitizer, then under ThreadSanitizer, each built into a directory of its own.
#
#   ./scripts/sanitize.sh                             all tests under both
#   ./scripts/sanitize.sh address --filter HostTests  one sanitizer; further arguments go to `swift test`
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

sanitizers=(address thread)
case "${1:-}" in
    address | thread) sanitizers=("$1"); shift ;;
esac

setup
# The leak checker traces the process, which a server that hides its memory from debuggers does not let it.
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
export TSAN_OPTIONS=halt_on_error=1:${TSAN_OPTIONS:-}
for sanitizer in "${sanitizers[@]}"; do
    say "Building and testing under the $sanitizer sanitizer (this takes its time)"
    swift test -c release --sanitize "$sanitizer" --scratch-path ".build/sanitize-$sanitizer" "$@"
done
