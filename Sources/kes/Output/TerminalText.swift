import SecureBytes

/// Text for a terminal. Some of it was chosen by a server or by whoever may write policies, and a terminal obeys more than this program
/// means to say: it clears the screen, sets its title, or turns the direction of writing.
enum TerminalText {
    /// `text` with everything escaped that does not show, but for ends of lines and the styles of `Output`.
    static func safe(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var safe = ""
        var rest = text.unicodeScalars[...]
        while let scalar = rest.first {
            if let style = styles.first(where: { rest.starts(with: $0.unicodeScalars) }) {
                safe += style
                rest = rest.dropFirst(style.unicodeScalars.count)
                continue
            }
            if isUnsafe(scalar) {
                safe += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                safe.unicodeScalars.append(scalar)
            }
            rest = rest.dropFirst()
        }
        return safe
    }

    /// JSON with such characters escaped as JSON does. They can only stand in its strings.
    static func safeJSON(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var safe = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar) { safe += scalar.jsonEscape } else { safe.unicodeScalars.append(scalar) }
        }
        return safe
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool { scalar.isHidden && scalar != "\n" }

    private static let styles = Output.Style.allCases.map(\.sequence)
}
