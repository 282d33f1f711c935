import SecureBytes

/// Writes a value of the file as JSON (RFC 8259), which is how a plugin receives its configuration.
///
/// Strings, numbers, booleans, null, lists and mappings keep their types. What `${NAME}` stands for is always a string, so that
/// a password of digits stays as it is; `!!int ${PORT}` makes a number of it.
struct KeystoreJSON {
    private let diagnostics: Diagnostics
    /// The JSON text. It may hold credentials.
    private var bytes: [UInt8] = []

    /// nil when the value has no JSON form, which was said to `diagnostics`.
    static func encode(_ node: YAMLNode, _ diagnostics: Diagnostics) -> SecretBytes? {
        var writer = KeystoreJSON(diagnostics: diagnostics)
        // A growing array would leave what it outgrew in free memory. The most that a byte can become is `\u00XX`.
        writer.bytes.reserveCapacity(writer.upperBound(node))
        let isComplete = writer.write(node)
        let result = isComplete ? writer.bytes.withUnsafeBytes { SecretBytes(copying: $0) } : nil
        writer.bytes.withUnsafeMutableBytes { wipe($0) }
        return result
    }

    private init(diagnostics: Diagnostics) {
        self.diagnostics = diagnostics
    }

    /// No fewer bytes than the JSON text of `node` has.
    private func upperBound(_ node: YAMLNode) -> Int {
        switch node.content {
        // A number can gain a zero, one in base 16 has at most 20 digits, and `null` has 4 for nothing.
        case .scalar(let scalar): 6 * scalar.text.utf8.count + 24
        case .sequence(let elements): elements.reduce(2) { $0 + upperBound($1) + 1 }
        case .mapping(let members): members.reduce(2) { $0 + 6 * $1.name.utf8.count + upperBound($1.value) + 4 }
        case .unset: 0
        }
    }

    private mutating func write(_ node: YAMLNode) -> Bool {
        switch node.content {
        case .scalar(let scalar):
            return write(scalar, at: node.position)
        case .sequence(let elements):
            return writeEach(elements, from: "[", to: "]") { writer, element in writer.write(element) }
        case .mapping(let members):
            return writeEach(members, from: "{", to: "}") { writer, member in
                writer.write(string: member.name)
                writer.bytes.append(UInt8(ascii: ":"))
                return writer.write(member.value)
            }
        case .unset:
            return false
        }
    }

    /// Writes every element even when one has no JSON form, so that all such errors are found.
    private mutating func writeEach<T>(
        _ elements: [T], from opening: Unicode.Scalar, to closing: Unicode.Scalar, _ write: (inout KeystoreJSON, T) -> Bool
    ) -> Bool {
        var isComplete = true
        bytes.append(UInt8(ascii: opening))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            if !write(&self, element) { isComplete = false }
        }
        bytes.append(UInt8(ascii: closing))
        return isComplete
    }

    private mutating func write(_ scalar: YAMLScalar, at position: SourcePosition) -> Bool {
        let value = PlainScalar(scalar.text)
        switch (scalar.typing, value) {
        case (.string, _), (.plain, .string), (.tagged("str"), _):
            write(string: scalar.text)
        case (.plain, .null), (.tagged("null"), .null):
            bytes += "null".utf8
        case (.plain, .boolean(let value)), (.tagged("bool"), .boolean(let value)):
            bytes += (value ? "true" : "false").utf8
        case (.plain, .number(let digits)), (.tagged("int"), .number(let digits)), (.tagged("float"), .number(let digits)):
            bytes += digits.utf8
        case (.plain, .notFinite), (.tagged("float"), .notFinite):
            diagnostics.error(
                at: position, "infinities and NaN have no JSON form, which a keystore needs; write a number or quotes")
            return false
        case (.tagged(let tag), _):
            // Any other is not shown: it may be a password that begins with '!' and lacks quotes.
            let message =
                ["null", "bool", "int", "float"].contains(tag)
                ? "the tag '!!\(tag)' does not fit; the value is no \(tag)"
                : "an unknown tag; known are '!!str', '!!int', '!!float', '!!bool' and '!!null'; put a value that begins with '!' in quotes"
            diagnostics.error(at: position, message)
            return false
        }
        return true
    }

    private mutating func write(string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += "\\u00".utf8
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default:
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
