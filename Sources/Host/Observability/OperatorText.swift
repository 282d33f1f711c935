import SecureBytes

/// Text that a plugin or a client chose, made safe for a log line and a terminal.
package enum OperatorText {
    /// The most bytes that are kept of a message (keswick_keystore.h, keswick_call).
    static let byteLimit = 4096

    /// Decodes the first 4096 bytes as UTF-8, and escapes the text. Bytes that are not UTF-8 become U+FFFD.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
        escaped(String(decoding: UnsafeRawBufferPointer(rebasing: bytes.prefix(byteLimit)), as: UTF8.self))
    }

    /// Escapes control characters, line separators and marks that change the direction of writing, so that no text can forge or hide log
    /// lines.
    package static func escaped(_ text: String) -> String {
        if isPlain(text) { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar.isHidden {
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Whether `escaped` leaves the text as it is.
    static func isPlain(_ text: String) -> Bool { !text.unicodeScalars.contains(where: \.isHidden) }
}
