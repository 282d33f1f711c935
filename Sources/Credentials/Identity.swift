import SecureBytes

/// Who a client is: the SHA-256 of the DER-encoded SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7) of its certificate.
///
/// It prints, and is written in configuration files, as 64 lower-case hexadecimal digits.
public struct Identity: Hashable, Sendable {
    // Four words and not an array: an identity is compared and hashed for every request, and this needs no allocation.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// The number of bytes of an identity.
    public static let byteCount = 32

    /// Takes the 32 bytes of a SHA-256 digest, or returns nil for another count.
    public init?(digest: some Collection<UInt8>) {
        guard digest.count == Self.byteCount else { return nil }
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: digest) }
        self.words = words
    }

    /// Parses 64 lower-case hexadecimal digits, or returns nil.
    public init?(_ text: some StringProtocol) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        guard withUnsafeMutableBytes(of: &words, { Hexadecimal.decode(text.utf8, into: $0) }) else { return nil }
        self.words = words
    }

    /// Lends the 32 bytes of the digest.
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { withUnsafeBytes(of: words, body) }

    /// The 32 bytes of the digest.
    public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    public static func == (left: Identity, right: Identity) -> Bool {
        left.words == right.words
    }

    public func hash(into hasher: inout Hasher) {
        // A digest's first word is as good as all of it, and the hasher takes half the time. Whoever makes identities that
        // agree in it makes lookups of their own slow at most: tables hold identities that an operator put there.
        hasher.combine(words.0)
    }
}

extension Identity: CustomStringConvertible {
    public var description: String {
        withUnsafeBytes(of: words) { Hexadecimal.text(of: $0) }
    }
}
