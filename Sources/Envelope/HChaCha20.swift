/// HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2), which libcrypto does not have: 32 key bytes and 16 input bytes become
/// a 32-byte subkey. Additions, rotations and exclusive ors only, so the time does not depend on the bytes.
package enum HChaCha20 {
    /// Writes the 32-byte subkey of the 32-byte `key` and the 16-byte `input` to `output`.
    package static func deriveKey(key: UnsafeRawPointer, input: UnsafeRawPointer, into output: UnsafeMutableRawPointer) {
        func word(_ bytes: UnsafeRawPointer, _ index: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
        }
        func row(_ bytes: UnsafeRawPointer, from index: Int) -> SIMD4<UInt32> {
            SIMD4(word(bytes, index), word(bytes, index + 1), word(bytes, index + 2), word(bytes, index + 3))
        }
        // The state of ChaCha20 (RFC 8439, section 2.3) as four rows: "expand 32-byte k", the key, the input.
        var a = SIMD4<UInt32>(0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574)
        var b = row(key, from: 0)
        var c = row(key, from: 4)
        var d = row(input, from: 0)
        for _ in 0..<10 {
            quarterRounds(&a, &b, &c, &d)
            // Turn the rows so that the diagonals stand in columns, and back.
            (b, c, d) = (b.rotatedLeft(1), c.rotatedLeft(2), d.rotatedLeft(3))
            quarterRounds(&a, &b, &c, &d)
            (b, c, d) = (b.rotatedLeft(3), c.rotatedLeft(2), d.rotatedLeft(1))
        }
        // Unlike ChaCha20, the first state is not added; the subkey is the first and the last row.
        for lane in 0..<4 {
            output.storeBytes(of: a[lane].littleEndian, toByteOffset: 4 * lane, as: UInt32.self)
            output.storeBytes(of: d[lane].littleEndian, toByteOffset: 16 + 4 * lane, as: UInt32.self)
        }
    }

    /// RFC 8439, section 2.1, on the four columns at once.
    @inline(__always)
    private static func quarterRounds(
        _ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>, _ d: inout SIMD4<UInt32>
    ) {
        a &+= b
        d = (d ^ a).bitsRotatedLeft(16)
        c &+= d
        b = (b ^ c).bitsRotatedLeft(12)
        a &+= b
        d = (d ^ a).bitsRotatedLeft(8)
        c &+= d
        b = (b ^ c).bitsRotatedLeft(7)
    }
}

extension SIMD4<UInt32> {
    @inline(__always)
    fileprivate func bitsRotatedLeft(_ count: UInt32) -> Self { self &<< count | self &>> (32 - count) }

    @inline(__always)
    fileprivate func rotatedLeft(_ count: Int) -> Self {
        switch count {
        case 1: SIMD4(y, z, w, x)
        case 2: SIMD4(z, w, x, y)
        default: SIMD4(w, x, y, z)
        }
    }
}
