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

    /// `1 line`, `2 lines`.
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// `1 line was`, `2 lines were`, and with `of` something: `1 line of it was`.
    package static func were(_ number: Int, _ noun: String, _ of: String = "") -> String {
        "\(count(number, noun))\(of.isEmpty ? "" : " \(of)") \(number == 1 ? "was" : "were")"
    }

    /// Whether `escaped` leaves the text as it is.
    static func isPlain(_ text: String) -> Bool { !text.unicodeScalars.contains(where: \.isHidden) }
}
