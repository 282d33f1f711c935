/// Why bytes are not the JSON that was expected. It holds a position and never any of the bytes.
package enum JSONError: Error, Equatable, Sendable {
    /// Not JSON text (RFC 8259) at this byte.
    case malformed(offset: Int)
    /// JSON, but of another type than the one asked for.
    case unexpectedType(offset: Int)
    /// More than `JSONScanner.nestingLimit` arrays and objects within each other.
    case nestedTooDeeply(offset: Int)
}

/// Reads JSON text (RFC 8259) from front to back, without copying or allocating.
///
/// For request bodies and stored data that hold secrets: `JSONDecoder` leaves copies behind that nobody wipes. The caller
/// drives it, asking at each place for the type that it expects:
///
///     var scanner = JSONScanner(body)
///     try scanner.object { name, value throws(JSONError) in
///         if name.matches("context") { context = try value.string() } else { try value.skipValue() }
///     }
///     try scanner.end()
///
/// Nothing recurses over the input: the depth of the calls is the caller's, and `skipValue` is a loop.
package struct JSONScanner {
    /// How many arrays and objects may be within each other.
    package static let nestingLimit = 64

    private let bytes: UnsafeRawBufferPointer
    private var depth = 0

    /// The offset of the next byte to read.
    package private(set) var offset = 0

    /// Reads `bytes`, which must outlive the scanner and every string that it gives.
    package init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    // MARK: Values

    /// Reads an object. `member` is called for each member in the order of the text and must read its value.
    ///
    /// A name that occurs twice is given twice: a caller that assigns keeps the last, as Go does.
    package mutating func object(
        _ member: (_ name: JSONString, _ value: inout JSONScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        try open(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return leave() }
        repeat {
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw .malformed(offset: offset) }
            try member(name, &self)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw .malformed(offset: offset) }
        leave()
    }

    /// Reads an array. `element` is called for each element and must read it.
    package mutating func array(_ element: (_ value: inout JSONScanner) throws(JSONError) -> Void) throws(JSONError) {
        try open(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return leave() }
        repeat { try element(&self) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw .malformed(offset: offset) }
        leave()
    }

    /// Reads a string. What it holds is checked for form but not copied.
    package mutating func string() throws(JSONError) -> JSONString {
        try expect(UInt8(ascii: "\""))
        let start = offset
        var hasEscapes = false
        while true {
            skipPlainCharacters()
            guard offset < bytes.count else { throw .malformed(offset: offset) }
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return JSONString(raw: UnsafeRawBufferPointer(rebasing: bytes[start..<offset - 1]), hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try skipEscape()
            case let character:
                guard character >= 0x20 else { throw .malformed(offset: offset) }
                offset += 1
            }
        }
    }

    /// Reads `null` if that is what comes next.
    package mutating func null() throws(JSONError) -> Bool {
        guard peek() == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    /// Reads `true` or `false`.
    package mutating func boolean() throws(JSONError) -> Bool {
        switch peek() {
        case UInt8(ascii: "t"):
            try literal("true")
            return true
        case UInt8(ascii: "f"):
            try literal("false")
            return false
        default: throw wrongType()
        }
    }

    /// Reads any value and drops it.
    package mutating func skipValue() throws(JSONError) {
        // One bit for each level that is open, the innermost lowest: 1 for an object, 0 for an array.
        var kinds: UInt64 = 0
        let outerDepth = depth
        repeat {
            var isComplete = true
            switch peek() {
            case UInt8(ascii: "{"):
                try open(UInt8(ascii: "{"))
                kinds = kinds << 1 | 1
                isComplete = take(UInt8(ascii: "}"))
                if isComplete { (kinds, _) = (kinds >> 1, leave()) } else { try skipName() }
            case UInt8(ascii: "["):
                try open(UInt8(ascii: "["))
                kinds <<= 1
                isComplete = take(UInt8(ascii: "]"))
                if isComplete { (kinds, _) = (kinds >> 1, leave()) }
            default: try skipScalar()
            }
            // After a value: close what ends here, or go on to the next one.
            while isComplete, depth > outerDepth {
                let isObject = kinds & 1 == 1
                if take(UInt8(ascii: ",")) {
                    if isObject { try skipName() }
                    isComplete = false
                } else {
                    guard take(UInt8(ascii: isObject ? "}" : "]")) else { throw .malformed(offset: offset) }
                    (kinds, _) = (kinds >> 1, leave())
                }
            }
        } while depth > outerDepth
    }

    /// Checks that nothing but white space is left.
    package mutating func end() throws(JSONError) {
        guard peek() == nil else { throw .malformed(offset: offset) }
    }

    /// The first byte of what comes next, white space skipped, or nil at the end.
    package mutating func peek() -> UInt8? {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0a, 0x0d: offset += 1
            case let byte: return byte
            }
        }
        return nil
    }

    // MARK: Parts of values

    private mutating func open(_ bracket: UInt8) throws(JSONError) {
        try expect(bracket)
        guard depth < Self.nestingLimit else { throw .nestedTooDeeply(offset: offset - 1) }
        depth += 1
    }

    private mutating func leave() {
        depth -= 1
    }

    private mutating func expect(_ byte: UInt8) throws(JSONError) {
        guard take(byte) else { throw wrongType() }
    }

    /// What is wrong when another value than the expected one comes next.
    private mutating func wrongType() -> JSONError {
        guard let byte = peek() else { return .malformed(offset: offset) }
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""), UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .unexpectedType(offset: offset)
        default: return .malformed(offset: offset)
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        for index in 0..<text.utf8CodeUnitCount {
            // The pointer of a static string of ASCII letters is good for its code units and lives for ever.
            guard offset < bytes.count, bytes[offset] == text.utf8Start[index] else { throw .malformed(offset: offset) }
            offset += 1
        }
    }

    private mutating func skipName() throws(JSONError) {
        _ = try string()
        guard take(UInt8(ascii: ":")) else { throw .malformed(offset: offset) }
    }

    private mutating func skipScalar() throws(JSONError) {
        switch peek() {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "n"): try literal("null")
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        default: try skipNumber()
        }
    }

    /// RFC 8259, section 6: `[ "-" ] int [ frac ] [ exp ]`.
    private mutating func skipNumber() throws(JSONError) {
        if next == UInt8(ascii: "-") { offset += 1 }
        if next == UInt8(ascii: "0") { offset += 1 } else { try skipDigits() }
        if next == UInt8(ascii: ".") {
            offset += 1
            try skipDigits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            offset += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { offset += 1 }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
        guard offset > start else { throw .malformed(offset: offset) }
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    // MARK: Parts of strings

    /// Skips 8 bytes at a time while none of them is a quote, a backslash or a control character.
    private mutating func skipPlainCharacters() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - offset >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let quotes = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
            let escapes = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
            // The high bit of a byte is set where the byte was below 0x20 or zero after the exclusive or. A borrow may set it
            // in the byte after such a one too, which only ends the loop where it ends anyway.
            let stops = ((word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (escapes &- ones) & ~escapes) & highs
            guard stops == 0 else { return }
            offset += 8
        }
    }

    private mutating func skipEscape() throws(JSONError) {
        offset += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 1
        case UInt8(ascii: "u"):
            offset += 1
            for _ in 0..<4 {
                guard let digit = next, Hexadecimal.value(ofDigit: digit) != nil else { throw .malformed(offset: offset) }
                offset += 1
            }
        default: throw .malformed(offset: offset)
        }
    }
}
