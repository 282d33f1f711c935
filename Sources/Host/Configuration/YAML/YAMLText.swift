/// The text of a YAML document, addressed as libyaml does: by lines and by Unicode scalars within them.
struct YAMLText {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The scalar at `position`, or nil past the end of a line.
    func scalar(at position: SourcePosition) -> Unicode.Scalar? {
        index(of: position).flatMap { $0 < text.unicodeScalars.endIndex ? text.unicodeScalars[$0] : nil }
    }

    /// Whether `other` stands right before `position`.
    func isPreceded(by other: Unicode.Scalar, at position: SourcePosition) -> Bool {
        guard let index = index(of: position), index > text.startIndex else { return false }
        return text.unicodeScalars[text.unicodeScalars.index(before: index)] == other
    }

    /// The first scalar that YAML 1.1 allows in no document (section 5.1), and where it is.
    func firstForbiddenScalar() -> (scalar: Unicode.Scalar, position: SourcePosition)? {
        var position = SourcePosition.start
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if !Self.isAllowed(scalar) { return (scalar, position) }
            position = Self.advance(position, over: scalar, after: previous)
            previous = scalar
        }
        return nil
    }

    /// `position`, or where the text ends when that is before it: libyaml is on the next line already at the end of a text that
    /// does not end in a line break.
    func clamped(_ position: SourcePosition) -> SourcePosition {
        if index(of: position) != nil { return position }
        var end = SourcePosition.start
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            end = Self.advance(end, over: scalar, after: previous)
            previous = scalar
        }
        return min(position, end)
    }

    private func index(of wanted: SourcePosition) -> String.Index? {
        let scalars = text.unicodeScalars
        var position = SourcePosition.start
        var previous: Unicode.Scalar?
        var index = scalars.startIndex
        while position < wanted, index < scalars.endIndex {
            position = Self.advance(position, over: scalars[index], after: previous)
            previous = scalars[index]
            index = scalars.index(after: index)
        }
        // The line break is CR LF, and the line begins after both.
        if previous == "\r", index < scalars.endIndex, scalars[index] == "\n" { index = scalars.index(after: index) }
        return position == wanted ? index : nil
    }

    /// The position after `scalar`. Lines end as libyaml ends them: CR LF, CR, LF, NEL, LS, PS.
    private static func advance(
        _ position: SourcePosition, over scalar: Unicode.Scalar, after previous: Unicode.Scalar?
    ) -> SourcePosition {
        switch scalar {
        case "\n" where previous == "\r": position
        case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": SourcePosition(line: position.line + 1, column: 1)
        default: SourcePosition(line: position.line, column: position.column + 1)
        }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }
}
