extension Unicode.Scalar {
    /// Whether a reader does not see the character, or a terminal or a collector of logs may obey it: control and format characters, among
    /// them the marks that change the direction of writing, separators of lines and paragraphs, and what Unicode has not assigned.
    ///
    /// What others chose is shown with these escaped: no text forges, hides or turns round what stands beside it.
    package var isHidden: Bool {
        if isASCII { return value < 0x20 || value == 0x7f }
        return switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }

    /// The character as a string of JSON may hold it (RFC 8259, section 7): `\u009b`, or two of these for one beyond U+FFFF.
    package var jsonEscape: String {
        String(self).utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }.joined()
    }
}
