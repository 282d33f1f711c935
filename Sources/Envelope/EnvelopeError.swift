/// Why a key or a stored entry could not be made or used. It never holds a byte of a key, a plaintext or an entry.
public enum EnvelopeError: Error, Equatable, Sendable {
    /// The ciphertext was not made by this key for this associated data, or was changed. There is no other reason by design:
    /// which check failed must not show.
    case notAuthentic
    /// The key is from a time before keys had an HMAC key.
    case hmacNotSupported
    /// A key must be 32 bytes; this one has another count.
    case invalidKeySize(Int)
    /// The bytes in the keystore are no stored entry. The text says what is wrong with them.
    case malformedEntry(String)
    /// libcrypto, as it is configured, does not have this algorithm: ChaCha20 is absent when its FIPS provider is in force.
    case algorithmUnavailable(KeyAlgorithm)
    /// libcrypto failed where it never should. The text names the operation.
    case cryptographyFailed(String)
    /// The random generator gave no bytes.
    case randomnessUnavailable
}

extension EnvelopeError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAuthentic: "ciphertext is not authentic"
        case .hmacNotSupported: "key does not support HMAC"
        case .invalidKeySize(let count): "key is \(count) bytes long and must be \(Key.secretByteCount)"
        case .malformedEntry(let reason): "stored entry is malformed: \(reason)"
        case .algorithmUnavailable(let algorithm):
            "libcrypto does not offer \(algorithm.name): check which providers the OpenSSL configuration loads"
        case .cryptographyFailed(let operation): "libcrypto failed: \(operation)"
        case .randomnessUnavailable: "libcrypto's random generator gave no bytes"
        }
    }
}
