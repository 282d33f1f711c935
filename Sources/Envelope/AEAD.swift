import CLibcrypto
import SecureBytes

/// AES-256-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439) of libcrypto, each with a 32-byte key, a 12-byte nonce and a
/// 16-byte tag behind the ciphertext.
package enum AEAD {
    package static let nonceByteCount = 12
    package static let tagByteCount = 16

    /// Encrypts `plaintext` and writes the ciphertext and its tag to the start of `output`, which has room for both.
    package static func seal(
        _ plaintext: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer, algorithm: KeyAlgorithm,
        key: UnsafeRawPointer, nonce: UnsafeRawPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(EnvelopeError) {
        precondition(output.count >= plaintext.count + tagByteCount, "the output buffer is too small for the ciphertext")
        let context = try LibcryptoContexts.ofThisThread().cipher
        // Reset, so that no key schedule outlives the call.
        defer { EVP_CIPHER_CTX_reset(context) }
        var length: Int32 = 0
        guard let cipher = LibcryptoAlgorithms.cipher(of: algorithm) else { throw .algorithmUnavailable(algorithm) }
        guard let target = output.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let plaintextCount = Int32(exactly: plaintext.count), let associatedCount = Int32(exactly: associatedData.count),
            EVP_EncryptInit_ex2(
                context, cipher, key.assumingMemoryBound(to: UInt8.self), nonce.assumingMemoryBound(to: UInt8.self), nil)
                == 1,
            associatedCount == 0
                || EVP_EncryptUpdate(context, nil, &length, associatedData.byteAddress, associatedCount) == 1,
            plaintextCount == 0 || EVP_EncryptUpdate(context, target, &length, plaintext.byteAddress, plaintextCount) == 1,
            EVP_EncryptFinal_ex(context, target + plaintext.count, &length) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tagByteCount), target + plaintext.count) == 1
        else {
            ERR_clear_error()
            throw .cryptographyFailed("authenticated encryption with \(algorithm.name)")
        }
    }

    /// Decrypts `sealed`, a ciphertext with its tag behind it. Whatever fails, the error is `.notAuthentic`, and what was
    /// decrypted until then is wiped.
    package static func open(
        _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer, algorithm: KeyAlgorithm,
        key: UnsafeRawPointer, nonce: UnsafeRawPointer
    ) throws(EnvelopeError) -> SecretBytes {
        guard sealed.count >= tagByteCount, let source = sealed.byteAddress else { throw .notAuthentic }
        let context = try LibcryptoContexts.ofThisThread().cipher
        defer { EVP_CIPHER_CTX_reset(context) }
        let count = sealed.count - tagByteCount
        return try SecretBytes(count: count) { plaintext throws(EnvelopeError) in
            var length: Int32 = 0
            // libcrypto wants somewhere to write the last zero bytes to.
            var end: UInt8 = 0
            // It only reads the tag, though the parameter is not const.
            let tag = UnsafeMutableRawPointer(mutating: source + count)
            guard let cipher = LibcryptoAlgorithms.cipher(of: algorithm),
                let ciphertextCount = Int32(exactly: count), let associatedCount = Int32(exactly: associatedData.count),
                EVP_DecryptInit_ex2(
                    context, cipher, key.assumingMemoryBound(to: UInt8.self), nonce.assumingMemoryBound(to: UInt8.self), nil)
                    == 1,
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tagByteCount), tag) == 1,
                associatedCount == 0
                    || EVP_DecryptUpdate(context, nil, &length, associatedData.byteAddress, associatedCount) == 1,
                ciphertextCount == 0
                    || EVP_DecryptUpdate(
                        context, plaintext.baseAddress?.assumingMemoryBound(to: UInt8.self), &length, source, ciphertextCount)
                        == 1,
                EVP_DecryptFinal_ex(context, &end, &length) == 1
            else {
                ERR_clear_error()
                throw .notAuthentic
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var byteAddress: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
