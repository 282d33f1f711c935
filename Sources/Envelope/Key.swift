import SecureBytes

/// A named key's material: a secret key that encrypts, and, unless the key is from the time before there were any, an HMAC key.
///
/// It does not print: `description` names the algorithm only. Its bytes are wiped when the last reference goes. All threads may
/// use it at once.
public final class Key: Sendable {
    /// The number of bytes of a secret key and of an HMAC key.
    public static let secretByteCount = 32
    /// By how many bytes a ciphertext is longer than its plaintext: a 16-byte tag, a 16-byte IV and a 12-byte nonce.
    public static let overhead = AEAD.tagByteCount + initialisationVectorByteCount + AEAD.nonceByteCount

    static let initialisationVectorByteCount = 16

    public let algorithm: KeyAlgorithm
    public let createdAt: Timestamp
    /// The identity of the client that created the key, as it was written; it may be empty.
    public let createdBy: String

    let secret: SecretBytes
    let hmacSecret: SecretBytes?
    private let derivation: HMACSHA256
    private let hmac: HMACSHA256?

    init(
        secret: SecretBytes, hmacSecret: SecretBytes?, algorithm: KeyAlgorithm, createdAt: Timestamp, createdBy: String
    ) throws(EnvelopeError) {
        guard secret.count == Self.secretByteCount else { throw .invalidKeySize(secret.count) }
        if let hmacSecret, hmacSecret.count != Self.secretByteCount { throw .invalidKeySize(hmacSecret.count) }
        guard LibcryptoAlgorithms.cipher(of: algorithm) != nil else { throw .algorithmUnavailable(algorithm) }
        self.secret = secret
        self.hmacSecret = hmacSecret
        self.algorithm = algorithm
        self.createdAt = createdAt
        self.createdBy = createdBy
        derivation = HMACSHA256(key: secret)
        hmac = hmacSecret.map { HMACSHA256(key: $0) }
    }

    /// Makes a key of random bytes.
    public convenience init(generating algorithm: KeyAlgorithm, createdAt: Timestamp, createdBy: String) throws(EnvelopeError) {
        try self.init(
            secret: Self.randomSecret(), hmacSecret: Self.randomSecret(), algorithm: algorithm, createdAt: createdAt,
            createdBy: createdBy)
    }

    /// Takes a client's 32 bytes as the secret key, and makes a random HMAC key.
    ///
    /// - Throws: `.invalidKeySize` for another count.
    public convenience init(
        importing secret: SecretBytes, algorithm: KeyAlgorithm, createdAt: Timestamp, createdBy: String
    ) throws(EnvelopeError) {
        try self.init(
            secret: secret, hmacSecret: Self.randomSecret(), algorithm: algorithm, createdAt: createdAt, createdBy: createdBy)
    }

    private static func randomSecret() throws(EnvelopeError) -> SecretBytes {
        do { return try .random(count: secretByteCount) } catch { throw .randomnessUnavailable }
    }

    // MARK: Encryption

    /// Encrypts `plaintext` under a fresh key for this one message, bound to `associatedData`.
    ///
    /// - Parameter output: `plaintext.count + overhead` bytes that do not overlap the others. It receives ciphertext, tag, IV
    ///   and nonce, in this order.
    public func encrypt(
        _ plaintext: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(EnvelopeError) {
        precondition(output.count == plaintext.count + Self.overhead, "the output buffer must fit the ciphertext exactly")
        let sealed = UnsafeMutableRawBufferPointer(rebasing: output[..<(plaintext.count + AEAD.tagByteCount)])
        let random = UnsafeMutableRawBufferPointer(rebasing: output[(plaintext.count + AEAD.tagByteCount)...])
        do { try fillWithRandomBytes(random) } catch { throw .randomnessUnavailable }
        // Not nil: the overhead alone gives the buffer a size.
        guard let vector = UnsafeRawPointer(random.baseAddress) else { throw .randomnessUnavailable }
        try withMessageKey(algorithm, vector: vector) { key throws(EnvelopeError) in
            try AEAD.seal(
                plaintext, associatedData: associatedData, algorithm: algorithm, key: key,
                nonce: vector + Self.initialisationVectorByteCount, into: sealed)
        }
    }

    /// Decrypts a ciphertext of this key, of the current form or of one of the two legacy forms.
    ///
    /// - Throws: `.notAuthentic`, whatever the reason.
    public func decrypt(
        _ ciphertext: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer
    ) throws(EnvelopeError) -> SecretBytes {
        do {
            // A current ciphertext may begin like a legacy one by chance, and does not parse as one then.
            if let legacy = LegacyCiphertext(ciphertext) { return try legacy.decrypt(with: self, associatedData: associatedData) }
            guard ciphertext.count >= Self.overhead else { throw EnvelopeError.notAuthentic }
            let vectorStart = ciphertext.count - Self.initialisationVectorByteCount - AEAD.nonceByteCount
            return try open(
                UnsafeRawBufferPointer(rebasing: ciphertext[..<vectorStart]), associatedData: associatedData,
                algorithm: algorithm,
                vectorAndNonce: UnsafeRawBufferPointer(rebasing: ciphertext[vectorStart...]))
        } catch {
            throw .notAuthentic
        }
    }

    /// Decrypts a ciphertext and its tag.
    func open(
        _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer, algorithm: KeyAlgorithm,
        vectorAndNonce: UnsafeRawBufferPointer
    ) throws(EnvelopeError) -> SecretBytes {
        guard vectorAndNonce.count == Self.initialisationVectorByteCount + AEAD.nonceByteCount,
            let vector = vectorAndNonce.baseAddress
        else { throw .notAuthentic }
        return try withMessageKey(algorithm, vector: vector) { key throws(EnvelopeError) in
            try AEAD.open(
                sealed, associatedData: associatedData, algorithm: algorithm, key: key,
                nonce: vector + Self.initialisationVectorByteCount)
        }
    }

    /// Derives the key of the message with the 16-byte IV at `vector`, lends it to `body` and wipes it.
    private func withMessageKey<Result>(
        _ algorithm: KeyAlgorithm, vector: UnsafeRawPointer, _ body: (UnsafeRawPointer) throws(EnvelopeError) -> Result
    ) throws(EnvelopeError) -> Result {
        var storage = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        return try withUnsafeMutableBytes(of: &storage) { key throws(EnvelopeError) in
            defer { wipe(key) }
            // Not nil: the storage has 32 bytes.
            guard let address = key.baseAddress else { throw .cryptographyFailed("key derivation") }
            switch algorithm {
            case .aes256:
                try derivation.authenticate(
                    UnsafeRawBufferPointer(start: vector, count: Self.initialisationVectorByteCount), into: key)
            case .chaCha20:
                secret.withUnsafeBytes { secret in
                    guard let secretAddress = secret.baseAddress else { return }
                    HChaCha20.deriveKey(key: secretAddress, input: vector, into: address)
                }
            }
            return try body(UnsafeRawPointer(address))
        }
    }

    // MARK: HMAC

    /// Writes the 32 bytes of HMAC-SHA256 of `message` to the start of `output`.
    ///
    /// - Throws: `.hmacNotSupported` when the key has no HMAC key.
    public func hmac(_ message: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(EnvelopeError) {
        guard let hmac else { throw .hmacNotSupported }
        try hmac.authenticate(message, into: output)
    }
}

extension Key: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "Key(\(algorithm.name))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
