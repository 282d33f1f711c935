#!/usr/bin/env bash
# Runs the tests under AddressSanitizer, then under ThreadSanitizer, each built into a directory of its own.
#
#   ./scripts/sanitize.sh                             all tests under AddressSanitizer, the server's under ThreadSanitizer
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
# ThreadSanitizer does not see how Swift's concurrency runtime hands a value from one thread to another: what a continuation or a task
# brings would all be reported. The server itself has event loops and locks instead, which it does see.
suppressions=$(mktemp)
trap 'rm -f "$suppressions"' EXIT
printf 'race:%s\n' swift::runJobInEstablishedExecutorContext 15EventLoopFutureC3get >"$suppressions"
export TSAN_OPTIONS=halt_on_error=1:print_suppressions=0:suppressions=$suppressions:${TSAN_OPTIONS:-}
status=0
for sanitizer in "${sanitizers[@]}"; do
    tests=("$@")
    # The client and the commands are tasks, of which it sees little, and they are slow under it.
    if [ "$sanitizer" = thread ] && [ $# = 0 ]; then tests=(--filter '^(HostTests|ServerTests)'); fi
    say "Building and testing under the $sanitizer sanitizer (this takes its time)"
    # The keystores, which are loaded as they are in use, find the sanitizer's functions in the program.
    swift test -c release --sanitize "$sanitizer" --scratch-path ".build/sanitize-$sanitizer" -Xlinker --export-dynamic "${tests[@]}" || status=$?
done
exit "$status"
