/// Text from a plugin, made safe for a log line.
enum OperatorText {
    /// The most bytes that are kept of a message (keswick_keystore.h, keswick_call).
    static let byteLimit = 4096

    /// Decodes the first 4096 bytes as UTF-8. Bytes that are not UTF-8 become U+FFFD; control characters, line separators
    /// and marks that change the direction of writing are escaped, so that a message cannot forge or hide log lines.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
        let decoded = String(decoding: UnsafeRawBufferPointer(rebasing: bytes.prefix(byteLimit)), as: UTF8.self)
        guard decoded.unicodeScalars.contains(where: mustBeEscaped) else { return decoded }
        var escaped = ""
        for scalar in decoded.unicodeScalars {
            if mustBeEscaped(scalar) {
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func mustBeEscaped(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7f }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }
}
