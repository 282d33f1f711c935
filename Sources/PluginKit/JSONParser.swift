/// Reads a JSON text (RFC 8259) once, strictly: no duplicate member, no lone surrogate, nothing behind the value.
struct JSONParser {
    /// Deeper than any configuration, shallow enough for the smallest thread stack.
    private static let maximumDepth = 32

    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameter bytes: must outlive the parser.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func parseText() throws(KeystoreError) -> JSONText.Value {
        let value = try parseValue(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure("the end of the text") }
        return value
    }

    private mutating func parseValue(depth: Int) throws(KeystoreError) -> JSONText.Value {
        guard depth < JSONParser.maximumDepth else { throw failure("at most \(JSONParser.maximumDepth) levels") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return .object(try parseObject(depth: depth))
        case UInt8(ascii: "["): return .array(try parseArray(depth: depth))
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"):
            try expect("true")
            return .boolean(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .boolean(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default: return .number(try parseNumber())
        }
    }

    private mutating func parseObject(depth: Int) throws(KeystoreError) -> [JSONText.Member] {
        var members: [JSONText.Member] = []
        position += 1
        skipSpace()
        if take("}") { return members }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("a member's name") }
            let range = try parseString()
            let name = JSONText.decode(UnsafeRawBufferPointer(rebasing: bytes[range])).withUnsafeBytes {
                String(decoding: $0, as: UTF8.self)
            }
            guard !members.contains(where: { $0.name == name }) else { throw failure("`\(name)` once only") }
            skipSpace()
            try expect(":")
            members.append(JSONText.Member(name: name, value: try parseValue(depth: depth + 1)))
            skipSpace()
        } while take(",")
        try expect("}")
        return members
    }

    private mutating func parseArray(depth: Int) throws(KeystoreError) -> [JSONText.Value] {
        var values: [JSONText.Value] = []
        position += 1
        skipSpace()
        if take("]") { return values }
        repeat {
            values.append(try parseValue(depth: depth + 1))
            skipSpace()
        } while take(",")
        try expect("]")
        return values
    }

    /// The range between the quotes.
    private mutating func parseString() throws(KeystoreError) -> Range<Int> {
        position += 1
        let start = position
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw failure("no control character in a text") }
            position += 1
            if byte == UInt8(ascii: "\\") { try parseEscape() }
        }
        let range = start..<position
        try expect("\"")
        return range
    }

    private mutating func parseEscape() throws(KeystoreError) {
        guard let escape = peek, "\"\\/bfnrtu".utf8.contains(escape) else { throw failure("an escape") }
        position += 1
        guard escape == UInt8(ascii: "u") else { return }
        switch try parseHexadecimal() & 0xFC00 {
        case 0xD800:
            try expect("\\u")
            guard try parseHexadecimal() & 0xFC00 == 0xDC00 else { throw failure("a low surrogate") }
        case 0xDC00: throw failure("no lone surrogate")
        default: return
        }
    }

    private mutating func parseHexadecimal() throws(KeystoreError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = peek?.hexadecimalDigit else { throw failure("a hexadecimal digit") }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func parseNumber() throws(KeystoreError) -> Range<Int> {
        let start = position
        _ = take("-")
        if !take("0") { try parseDigits("a value") }
        if take(".") { try parseDigits("a digit") }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            try parseDigits("a digit")
        }
        return start..<position
    }

    private mutating func parseDigits(_ what: String) throws(KeystoreError) {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw failure(what) }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ text: StaticString) throws(KeystoreError) {
        for index in 0..<text.utf8CodeUnitCount {
            guard peek == text.utf8Start[index] else { throw failure("`\(text)`") }
            position += 1
        }
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private func failure(_ expected: String) -> KeystoreError {
        .invalid("the configuration of the keystore is not valid JSON: expected \(expected) at byte \(position)")
    }
}
