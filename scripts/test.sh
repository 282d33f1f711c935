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
# Without @testable, for which SwiftPM would compile every module a second time, differently.
build --build-tests --disable-testable-imports
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
swift test -c release --skip-build --disable-testable-imports --xunit-output "$results/tests.xml" "$@" || status=$?

# Swift Testing writes a file of its own beside XCTest's.
count() { cat "$results"/*.xml 2>/dev/null | sed -n "s/.*<testsuite [^>]*[ ]$1=\"\([0-9]*\)\".*/\1/p" | awk '{n += $1} END {print n + 0}'; }
total=$(count tests)
failed=$(($(count failures) + $(count errors)))
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$((total - failed)) passed, $failed failed"
exit "$status"
