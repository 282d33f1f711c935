import CLibcrypto
import SecureBytes

/// A private key for a certificate, held by libcrypto, which wipes it when the last reference goes.
public final class PrivateKey: @unchecked Sendable {
    // `@unchecked Sendable` holds because the key is complete when `init` returns, is only read from then on, and libcrypto
    // counts the references to it atomically.
    let handle: OpaquePointer

    /// How a key that is made here signs.
    public enum Algorithm: Sendable, CaseIterable {
        /// Ed25519 (RFC 8032), what API keys are.
        case ed25519
        /// ECDSA with the curve P-256 (FIPS 186-4), for TLS stacks without Ed25519.
        case ecdsaP256
    }

    /// Which of the two the key is.
    public let algorithm: Algorithm

    /// Makes a random key.
    public init(generating algorithm: Algorithm) throws(CredentialError) {
        let key: OpaquePointer?
        switch algorithm {
        case .ed25519: key = keswick_generate_ed25519()
        case .ecdsaP256: key = keswick_generate_p256()
        }
        guard let key else { throw .libcrypto("private key generation") }
        handle = key
        self.algorithm = algorithm
    }

    /// The key of an API key.
    public convenience init(_ apiKey: APIKey) throws(CredentialError) {
        try self.init(ed25519Seed: apiKey.seed)
    }

    init(ed25519Seed seed: SecretBytes) throws(CredentialError) {
        let key = seed.withUnsafeBytes { bytes in
            EVP_PKEY_new_raw_private_key_ex(
                nil, "ED25519", nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
        guard let key else { throw .libcrypto("Ed25519 key from a seed") }
        handle = key
        algorithm = .ed25519
    }

    deinit {
        EVP_PKEY_free(handle)
    }

    /// Who the owner of a certificate for this key is.
    public func identity() throws(CredentialError) -> Identity { try Identity(ownerOf: handle) }
}

extension Identity {
    /// Who the owner of a certificate for a key of libcrypto's is.
    init(ownerOf key: OpaquePointer) throws(CredentialError) {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &encoded)
        defer { keswick_free(encoded) }
        guard count > 0, let encoded else { throw .libcrypto("encoding of a public key") }
        self = try Identity(subjectPublicKeyInfo: UnsafeRawBufferPointer(start: encoded, count: Int(count)))
    }
}

extension PrivateKey: CustomStringConvertible, CustomReflectable {
    public var description: String { "PrivateKey(\(algorithm))" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension CredentialError {
    /// The error for a libcrypto call that failed, with libcrypto's own record of it dropped so that no later call finds it.
    static func libcrypto(_ operation: String) -> CredentialError {
        ERR_clear_error()
        return .cryptographyFailed(operation)
    }
}
