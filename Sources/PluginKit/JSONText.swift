/// A JSON text (RFC 8259) in memory that is wiped, and the places of its values in it.
///
/// Why not FoundationEssentials: its decoder leaves strings, which may be credentials, in memory that is not wiped, lets
/// duplicate members pass, and adds a library to every plugin.
final class JSONText: Sendable {
    /// A value. Texts and numbers are ranges of the text, so that none is copied before somebody asks for it.
    indirect enum Value: Sendable {
        case null
        case boolean(Bool)
        /// The digits, sign, point and exponent.
        case number(Range<Int>)
        /// What is between the quotes, escapes included. Well-formed.
        case string(Range<Int>)
        case array([Value])
        case object([Member])
    }

    /// A member of an object.
    struct Member: Sendable {
        let name: String
        let value: Value
    }

    private let bytes: SecretValue

    init(copying bytes: RawSpan) { self.bytes = SecretValue(copying: bytes) }

    /// The value that the text is.
    ///
    /// - Throws: `KeystoreError` of kind `invalid` that names the byte at which the text is not JSON, but nothing of the text.
    func parse() throws(KeystoreError) -> Value {
        try bytes.withUnsafeBytes { bytes throws(KeystoreError) in
            var parser = JSONParser(bytes)
            return try parser.parseText()
        }
    }

    /// The whole number at `range`; nothing when it has a fraction or an exponent or is too large.
    func integer(_ range: Range<Int>) -> Int? {
        bytes.withUnsafeBytes { Int(String(decoding: $0[range], as: UTF8.self)) }
    }

    /// The UTF-8 of the string at `range`, with its escapes resolved.
    func decode(_ range: Range<Int>) -> SecretValue {
        bytes.withUnsafeBytes { bytes in JSONText.decode(UnsafeRawBufferPointer(rebasing: bytes[range])) }
    }

    /// Resolves the escapes of a string that `JSONParser` found well-formed. The result is never longer than the source.
    static func decode(_ source: UnsafeRawBufferPointer) -> SecretValue {
        SecretValue(capacity: source.count) { target in
            var (read, written) = (0, 0)
            func append(_ byte: UInt8) {
                target[written] = byte
                written += 1
            }
            func hexadecimal() -> UInt32 {
                defer { read += 4 }
                return source[read..<read + 4].reduce(0) { $0 << 4 | UInt32($1.hexadecimalDigit ?? 0) }
            }
            while read < source.count {
                let byte = source[read]
                read += 1
                guard byte == UInt8(ascii: "\\") else {
                    append(byte)
                    continue
                }
                let escape = source[read]
                read += 1
                switch escape {
                case UInt8(ascii: "b"): append(0x08)
                case UInt8(ascii: "f"): append(0x0C)
                case UInt8(ascii: "n"): append(0x0A)
                case UInt8(ascii: "r"): append(0x0D)
                case UInt8(ascii: "t"): append(0x09)
                case UInt8(ascii: "u"):
                    var scalar = hexadecimal()
                    if scalar & 0xFC00 == 0xD800 {
                        // The parser saw to it that the other half of the surrogate pair follows.
                        read += 2
                        scalar = 0x10000 + (scalar & 0x3FF) << 10 + hexadecimal() & 0x3FF
                    }
                    UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}")?.forEach(append)
                default: append(escape)
                }
            }
            return written
        }
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit.
    var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
