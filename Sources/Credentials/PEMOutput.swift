import CLibcrypto
import SecureBytes

/// PEM text (RFC 7468) that libcrypto writes.
enum PEMOutput {
    /// What `write` puts into a memory BIO. libcrypto wipes the BIO's memory when it is freed or grows.
    static func text(_ write: (OpaquePointer) -> Int32) throws(CredentialError) -> SecretBytes {
        guard let output = BIO_new(BIO_s_mem()) else { throw .libcrypto("BIO_new") }
        defer { BIO_free(output) }
        guard write(output) == 1 else { throw .libcrypto("writing of PEM") }
        var address: UnsafePointer<CChar>?
        let count = keswick_bio_contents(output, &address)
        return SecretBytes(copying: UnsafeRawBufferPointer(start: address, count: count))
    }
}

extension PrivateKey {
    /// The key as PEM text of PKCS#8 (RFC 5958), not encrypted.
    public func pem() throws(CredentialError) -> SecretBytes {
        try PEMOutput.text { PEM_write_bio_PKCS8PrivateKey($0, handle, nil, nil, 0, nil, nil) }
    }

    /// How often PBKDF2 hashes a password: what OWASP recommends for HMAC-SHA256.
    private static let passwordIterations: Int32 = 600_000

    /// The key as PEM text of encrypted PKCS#8: AES-256-CBC under PBKDF2 with HMAC-SHA256 (RFC 8018).
    ///
    /// Takes some tenths of a second, by design.
    public func pem(password: SecretBytes) throws(CredentialError) -> SecretBytes {
        guard password.count > 0, let passwordCount = Int32(exactly: password.count) else { throw .invalidPassword }
        // Freed with `EVP_PKEY` semantics: libcrypto wipes the key inside.
        guard let plain = EVP_PKEY2PKCS8(handle) else { throw .libcrypto("EVP_PKEY2PKCS8") }
        defer { PKCS8_PRIV_KEY_INFO_free(plain) }
        let encrypted = password.withUnsafeBytes { password in
            // -1 means PBES2, nil a random salt of the given count.
            PKCS8_encrypt(
                -1, EVP_aes_256_cbc(), password.baseAddress?.assumingMemoryBound(to: CChar.self), passwordCount, nil, 16,
                Self.passwordIterations, plain)
        }
        guard let encrypted else { throw .libcrypto("PKCS8_encrypt") }
        defer { X509_SIG_free(encrypted) }
        return try PEMOutput.text { PEM_write_bio_PKCS8($0, encrypted) }
    }
}
