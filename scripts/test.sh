#!/usr/bin/env bash
# Builds everything in release and runs all tests. Ends with a line `N passed, N failed`.
#
# Release, because one build then serves the tests, the smoke test and the benchmarks, and because the tests then run what is shipped.
# Arguments are handed to `swift test`, for example --filter EnvelopeTests.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

setup
# What the tests of the plugin kit build C and C++ with. Rust, and Go for its clients, are tried where they are installed.
install_packages make
# For the tests of what is shown on terminals, and of the manual page.
install_packages man-db tmux
# shellcheck disable=SC2119  # without arguments it builds everything but the tests
build
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
say "Building and running the tests"
# Without @testable, for which SwiftPM would compile every module a second time, differently.
swift test -c release --disable-testable-imports --xunit-output "$results/tests.xml" "$@" 2>&1 | tee "$results/log" || status=$?
[ -z "${BUILD_LOG:-}" ] || cat "$results/log" >>"$BUILD_LOG"

# Swift Testing writes a file of its own beside XCTest's.
count() { cat "$results"/*.xml 2>/dev/null | sed -n "s/.*<testsuite [^>]*[ ]$1=\"\([0-9]*\)\".*/\1/p" | awk '{n += $1} END {print n + 0}'; }
total=$(count tests)
failed=$(($(count failures) + $(count errors)))
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$((total - failed)) passed, $failed failed"
exit "$status"
