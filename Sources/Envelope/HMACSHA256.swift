import CLibcrypto
import SecureBytes

/// HMAC-SHA256 (RFC 2104, RFC 4231) under one key, shared by all threads.
///
/// It is two SHA-256 computations over blocks made from the key in advance. libcrypto's own HMAC gives the same bytes but
/// sets up the key each time, at more than twice the cost (docs/decisions.md).
package struct HMACSHA256: Sendable {
    /// The number of bytes of a result.
    package static let byteCount = 32

    private static let blockSize = 64
    /// The key padded to a block and combined with RFC 2104's `ipad`, and then the same with `opad`.
    private let pads: SecretBytes

    /// Takes a key of at most 64 bytes; longer ones would have to be hashed first, and Keswick has none.
    package init(key: SecretBytes) {
        precondition(key.count <= Self.blockSize, "an HMAC key of more than a block is not supported")
        pads = SecretBytes(count: 2 * Self.blockSize) { pads in
            key.withUnsafeBytes { key in
                for index in 0..<Self.blockSize {
                    let byte = index < key.count ? key[index] : 0
                    pads[index] = byte ^ 0x36
                    pads[Self.blockSize + index] = byte ^ 0x5c
                }
            }
        }
    }

    /// Writes the 32 bytes of the result for `message` to the start of `output`.
    package func authenticate(_ message: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(EnvelopeError)
    {
        precondition(output.count >= Self.byteCount, "the output buffer is too small for an HMAC")
        let context = try LibcryptoContexts.ofThisThread().digest
        let isDone = pads.withUnsafeBytes { pads in
            let (inner, outer) = (pads[..<Self.blockSize], pads[Self.blockSize...])
            let firstHalf = UnsafeMutableRawBufferPointer(rebasing: output[..<Self.byteCount])
            return Self.digest(UnsafeRawBufferPointer(rebasing: inner), message, into: firstHalf, with: context)
                && Self.digest(
                    UnsafeRawBufferPointer(rebasing: outer), UnsafeRawBufferPointer(firstHalf), into: firstHalf, with: context)
        }
        // The context still holds the result, which may be a message key: beginning anew overwrites it.
        guard isDone, EVP_DigestInit_ex2(context, LibcryptoAlgorithms.sha256, nil) == 1 else {
            EVP_MD_CTX_reset(context)
            wipe(output)
            ERR_clear_error()
            throw .cryptographyFailed("HMAC-SHA256")
        }
    }

    /// SHA-256 of `first` and `second` together. `output` may be `second`.
    private static func digest(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        with context: OpaquePointer
    ) -> Bool {
        EVP_DigestInit_ex2(context, LibcryptoAlgorithms.sha256, nil) == 1
            && EVP_DigestUpdate(context, first.baseAddress, first.count) == 1
            && (second.isEmpty || EVP_DigestUpdate(context, second.baseAddress, second.count) == 1)
            && EVP_DigestFinal_ex(context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1
    }
}
