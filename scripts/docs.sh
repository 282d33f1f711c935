#!/usr/bin/env bash
# Renders the documentation of KESClient with DocC into .build/documentation, as a web site. A warning is an error.
#
# To read it: python3 -m http.server --directory .build/documentation, and http://localhost:8000/documentation/kesclient in a browser.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

setup
# KESClient is a part of it.
build --product kes
binaries=$(swift build -c release --show-bin-path)
# Where the toolchain itself is: `swift` may be swiftly's.
about() { swift -print-target-info | sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p" | head -n 1; }
tools=$(about runtimeResourcePath)/../../bin
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT

# From the module that was built. DocC's plugin for the package manager would be one more dependency, and SwiftPM's own command builds
# the whole package once more.
includes=(-I "$binaries/Modules")
for map in .build/checkouts/*/Sources/*/include/module.modulemap "$binaries"/*.build/module.modulemap; do
    [ ! -e "$map" ] || includes+=(-Xcc "-fmodule-map-file=$map")
done
for map in Sources/C*/module.modulemap; do includes+=(-I "$(dirname "$map")"); done
"$tools/swift-symbolgraph-extract" -module-name KESClient -target "$(about triple)" "${includes[@]}" -minimum-access-level public \
    -skip-synthesized-members -output-dir "$graphs"
"$tools/docc" convert Sources/KESClient/KESClient.docc --additional-symbol-graph-dir "$graphs" \
    --fallback-display-name KESClient --fallback-bundle-identifier keswick.KESClient --warnings-as-errors \
    --transform-for-static-hosting --output-dir .build/documentation
say "The documentation is in .build/documentation"
