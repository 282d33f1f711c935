#!/bin/bash
# Fuzzes the parsers of what strangers send: scripts/fuzz.sh [TARGET] [SECONDS]
#
# TARGET is one of APIKey, Base64, Certificate, Ciphertext, Frame, Gzip, HTTP1, JSON and StoredEntry; without it, all of them, one after the
# other. SECONDS is for each target, 60 unless given. What the fuzzer finds is written to .build/fuzz/findings;
# .build/fuzz/TARGET FILE runs it again.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh
setup
# It writes the first inputs.
install_packages python3

seconds=${2:-60}
read -ra targets <<<"${1:-APIKey Base64 Certificate Ciphertext Frame Gzip HTTP1 JSON StoredEntry}"
out=.build/fuzz
mkdir -p "$out/findings"

# Not through the package: its other dependencies need no instrumentation, and would take minutes to build.
compile=(swiftc -O -wmo -swift-version 6 -parse-as-library -package-name keswick "-sanitize=fuzzer,address"
    -I Sources/CLibcrypto -I "$out")
for module in SecureBytes Envelope Credentials; do
    "${compile[@]}" -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
        -c Sources/"$module"/*.swift -o "$out/$module.o"
done
python3 Fuzz/make-seeds.py Tests/EnvelopeTests/kes-formats.json "$out/seeds"

# The server's own files that a target is compiled with, as one module: the rest of the server is not needed.
frame=(Sources/Host/Plugins/{Isolation/Frame,Isolation/OutputLines,KeystoreFailure}.swift Sources/Host/Observability/OperatorText.swift
    Sources/Host/System/MonotonicTime.swift)
http1=(Sources/Host/Transport/{AcceptedCodings,HTTP1/HTTP1Parser,HTTP1/HTTP1HeaderInterests,HTTP1/HTTP1RepeatedHead,RequestHead}.swift)
gzip=(Sources/Host/Observability/{GzipMember,LogCompressor}.swift Sources/KESClient/GzipReader.swift)

# swift-nio as the package has built it; llhttp, which is where the bytes go, instrumented.
nio=()
build_nio() {
    swift build -c release --target NIOCore
    local build llhttp module
    build=$(swift build -c release --show-bin-path)
    llhttp=.build/checkouts/swift-nio/Sources/CNIOLLHTTP
    nio=(-I "$build/Modules" -I .build/checkouts/swift-atomics/Sources/_AtomicsShims/include)
    for module in "$build"/*.build/module.modulemap; do nio+=(-Xcc "-fmodule-map-file=$module"); done
    for module in NIOCore NIOConcurrencyHelpers _NIOBase64 _NIODataStructures CNIOAtomics CNIOLinux Atomics _AtomicsShims DequeModule \
        InternalCollectionsUtilities; do
        [ -d "$build/$module.build" ] || continue
        while read -r object; do nio+=("$object"); done < <(find "$build/$module.build" -name '*.o')
    done
    for module in "$llhttp"/*.c; do
        clang -O1 -g -fsanitize=fuzzer-no-link,address -I "$llhttp/include" -c "$module" -o "$out/$(basename "$module" .c).o"
        nio+=("$out/$(basename "$module" .c).o")
    done
}

for target in "${targets[@]}"; do
    more=()
    case $target in
        Frame) more=("${frame[@]}") ;;
        HTTP1)
            build_nio
            more=("${http1[@]}" "${nio[@]}")
            ;;
        Gzip)
            build_nio
            more=("${gzip[@]}" -I Sources/CZlib "${nio[@]}")
            ;;
    esac
    "${compile[@]}" -module-name "${target}Fuzzer" "Fuzz/${target}Fuzzer.swift" "${more[@]}" \
        "$out"/{SecureBytes,Envelope,Credentials}.o -o "$out/$target"
    mkdir -p "$out/corpus/$target"
    echo "== $target for $seconds s"
    "$out/$target" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$out/findings/$target-" "$out/corpus/$target" "$out/seeds/$target"
done
