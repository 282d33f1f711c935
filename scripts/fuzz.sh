#!/bin/bash
# Fuzzes the parsers of what strangers send: scripts/fuzz.sh [TARGET] [SECONDS]
#
# TARGET is one of APIKey, Base64, Certificate, Ciphertext, JSON and StoredEntry; without it, all of them, one after the other.
# SECONDS is for each target, 60 unless given. Needs python3 and openssl for the first inputs. What the fuzzer finds is written to
# .build/fuzz/findings; .build/fuzz/TARGET FILE runs it again.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${2:-60}
read -ra targets <<<"${1:-APIKey Base64 Certificate Ciphertext JSON StoredEntry}"
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

for target in "${targets[@]}"; do
    "${compile[@]}" -module-name "${target}Fuzzer" "Fuzz/${target}Fuzzer.swift" \
        "$out"/{SecureBytes,Envelope,Credentials}.o -o "$out/$target"
    mkdir -p "$out/corpus/$target"
    echo "== $target for $seconds s"
    "$out/$target" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$out/findings/$target-" "$out/corpus/$target" "$out/seeds/$target"
done
