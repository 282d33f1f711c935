import CLibcrypto
import SecureBytes

/// A client's credential: the 32-byte seed of an Ed25519 key (RFC 8032), from which the client makes its certificate.
///
/// Its text is `kes:v1:` and the base64 of 33 bytes, a zero for Ed25519 and the seed. It does not print: `description` names the
/// identity only, and whoever wants the text asks for it with `text` and wipes it.
public struct APIKey: Sendable {
    /// Who the key's owner is to a server.
    public let identity: Identity
    /// The 32 bytes from which the Ed25519 key follows.
    package let seed: SecretBytes

    /// The number of bytes of the seed.
    package static let seedByteCount = 32

    static let prefix: StaticString = "kes:v1:"
    /// The first of the encoded bytes: Ed25519.
    private static let type: UInt8 = 0

    package init(seed: SecretBytes) throws(CredentialError) {
        guard seed.count == Self.seedByteCount else { throw .malformedAPIKey }
        let key = try PrivateKey(ed25519Seed: seed)
        identity = try key.identity()
        self.seed = seed
    }

    /// Makes a random API key.
    public init(generating: Void = ()) throws(CredentialError) {
        let seed: SecretBytes
        do { seed = try .random(count: Self.seedByteCount) } catch { throw .randomnessUnavailable }
        try self.init(seed: seed)
    }

    /// Parses an API key, with or without `kes:v1:` in front.
    ///
    /// - Throws: `.malformedAPIKey`.
    public init(parsing text: UnsafeRawBufferPointer) throws(CredentialError) {
        let prefixCount = Self.prefix.utf8CodeUnitCount
        // The prefix is a literal of several characters, so it has a pointer, good for all of them.
        let hasPrefix =
            text.count >= prefixCount
            && text.prefix(prefixCount).elementsEqual(
                UnsafeBufferPointer(start: Self.prefix.utf8Start, count: prefixCount))
        let encoded = UnsafeRawBufferPointer(rebasing: text[(hasPrefix ? prefixCount : 0)...])
        guard let bytes = Base64.decodeSecret(encoded), bytes.count == Self.seedByteCount + 1 else { throw .malformedAPIKey }
        let seed = bytes.withUnsafeBytes { bytes in
            bytes[0] == Self.type ? SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[1...])) : nil
        }
        guard let seed else { throw .malformedAPIKey }
        try self.init(seed: seed)
    }

    /// Parses an API key that is in a string anyway, such as an environment variable. The string cannot be wiped.
    public init(_ text: String) throws(CredentialError) {
        var text = text
        // `withUTF8` passes no typed error on.
        let parsed = text.withUTF8 { utf8 in
            Result { () throws(CredentialError) in try APIKey(parsing: UnsafeRawBufferPointer(utf8)) }
        }
        self = try parsed.get()
    }

    /// Whether `text`, which somebody wrote in the place of something else, is an API key or was meant as one: then it is secret, and
    /// belongs in no message.
    public static func isLikely(_ text: String) -> Bool {
        // Whatever follows the prefix: a key with a character too few holds nearly all of the secret.
        text.lowercased().hasPrefix("\(prefix)") || (try? APIKey(text)) != nil
    }

    /// The key's text, with its prefix, in ASCII: the whole secret, for its owner's eyes.
    public var text: SecretBytes {
        let bytes = SecretBytes(count: 1 + Self.seedByteCount) { bytes in
            bytes[0] = Self.type
            seed.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[1...]).copyMemory(from: $0) }
        }
        let prefix = UnsafeRawBufferPointer(start: Self.prefix.utf8Start, count: Self.prefix.utf8CodeUnitCount)
        return bytes.withUnsafeBytes { bytes in
            SecretBytes(count: prefix.count + Base64.encodedCount(bytes.count)) { text in
                text.copyMemory(from: prefix)
                _ = Base64.encode(bytes, into: UnsafeMutableRawBufferPointer(rebasing: text[prefix.count...]))
            }
        }
    }
}

extension APIKey: Equatable {
    public static func == (left: APIKey, right: APIKey) -> Bool { left.seed == right.seed }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "APIKey(\(identity))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
