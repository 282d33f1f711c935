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

    /// Parses 64 hexadecimal digits, or returns nil.
    public init?(_ text: some StringProtocol) {
        let digits = text.utf8
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        var high: UInt8?
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        self.init(digest: bytes)
    }

    /// The 32 bytes of the digest.
    public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    public static func == (left: Identity, right: Identity) -> Bool {
        left.words == right.words
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension Identity: CustomStringConvertible {
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            unsafeUninitializedCapacity: 2 * Self.byteCount,
            initializingUTF8With: { text in
                var index = 0
                withUnsafeBytes(of: words) { bytes in
                    for byte in bytes {
                        text[index] = digits[Int(byte >> 4)]
                        text[index + 1] = digits[Int(byte & 0x0f)]
                        index += 2
                    }
                }
                return index
            })
    }
}
