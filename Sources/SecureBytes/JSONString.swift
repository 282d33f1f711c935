/// A string as `JSONScanner` found it: the bytes between the quotes, with their escapes checked but not yet replaced.
package struct JSONString {
    /// What is between the quotes. It lives as long as the text that was scanned.
    package let raw: UnsafeRawBufferPointer
    /// Whether `raw` holds a backslash and so differs from what the string stands for.
    package let hasEscapes: Bool

    /// The bytes that the string stands for.
    ///
    /// A surrogate without its other half becomes U+FFFD, as it does in Go. Bytes that are not UTF-8 stay what they are.
    package var decoded: SecretBytes {
        guard hasEscapes else { return SecretBytes(copying: raw) }
        var count = 0
        var counting = makeIterator()
        while counting.next() != nil { count += 1 }
        return SecretBytes(count: count) { target in
            var bytes = makeIterator()
            var index = 0
            while let byte = bytes.next() {
                target[index] = byte
                index += 1
            }
        }
    }

    /// The bytes whose base64 the string is, or nil when it is not base64.
    package var base64Decoded: SecretBytes? {
        hasEscapes ? decoded.withUnsafeBytes { Base64.decodeSecret($0) } : Base64.decodeSecret(raw)
    }

    /// The string, for what is not secret: the copy cannot be wiped.
    package var text: String {
        hasEscapes ? decoded.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } : String(decoding: raw, as: UTF8.self)
    }

    /// Whether the string is `name`, the case of ASCII letters aside: so do Go's clients and servers match member names.
    package func matches(_ name: StaticString) -> Bool {
        func folded(_ byte: UInt8) -> UInt8 { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte }
        if !hasEscapes, raw.count != name.utf8CodeUnitCount { return false }
        var bytes = makeIterator()
        for index in 0..<name.utf8CodeUnitCount {
            // A literal of more than one character has a pointer, good for `utf8CodeUnitCount` bytes.
            guard let byte = bytes.next(), folded(byte) == folded(name.utf8Start[index]) else { return false }
        }
        return bytes.next() == nil
    }

    func makeIterator() -> Iterator { Iterator(raw: raw) }

    /// Gives the bytes that the string stands for, one at a time.
    struct Iterator: IteratorProtocol {
        private let raw: UnsafeRawBufferPointer
        private var offset = 0
        // The rest of a character that takes several bytes in UTF-8, the next byte lowest.
        private var pending: UInt32 = 0
        private var pendingCount = 0

        init(raw: UnsafeRawBufferPointer) {
            self.raw = raw
        }

        mutating func next() -> UInt8? {
            if pendingCount > 0 {
                pendingCount -= 1
                defer { pending >>= 8 }
                return UInt8(truncatingIfNeeded: pending)
            }
            guard offset < raw.count else { return nil }
            let byte = raw[offset]
            offset += 1
            guard byte == UInt8(ascii: "\\") else { return byte }
            // The scanner has checked that a whole escape follows.
            let escape = raw[offset]
            offset += 1
            switch escape {
            case UInt8(ascii: "b"): return 0x08
            case UInt8(ascii: "f"): return 0x0c
            case UInt8(ascii: "n"): return 0x0a
            case UInt8(ascii: "r"): return 0x0d
            case UInt8(ascii: "t"): return 0x09
            case UInt8(ascii: "u"): return character()
            default: return escape
            }
        }

        /// Reads the digits after `\u`, and a second escape where both make a surrogate pair (RFC 8259, section 7).
        private mutating func character() -> UInt8 {
            var value = codeUnit(at: offset)
            offset += 4
            if (0xd800..<0xdc00).contains(value), offset + 6 <= raw.count,
                raw[offset] == UInt8(ascii: "\\"), raw[offset + 1] == UInt8(ascii: "u"),
                case let low = codeUnit(at: offset + 2), (0xdc00..<0xe000).contains(low)
            {
                offset += 6
                value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
            }
            // Half a surrogate pair is no scalar.
            return begin(Unicode.Scalar(value) ?? "\u{fffd}")
        }

        /// Gives the first byte of the UTF-8 form of `scalar` and keeps the others.
        private mutating func begin(_ scalar: Unicode.Scalar) -> UInt8 {
            let units = UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            var first: UInt8?
            for unit in units {
                if first == nil {
                    first = unit
                } else {
                    pending |= UInt32(unit) << (8 * UInt32(pendingCount))
                    pendingCount += 1
                }
            }
            return first ?? 0
        }

        private func codeUnit(at start: Int) -> UInt32 {
            raw[start..<start + 4].reduce(0) { $0 << 4 | UInt32(Hexadecimal.value(ofDigit: $1) ?? 0) }
        }
    }
}
