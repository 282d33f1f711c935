/// What libyaml has against a text, in words that say what to do, and without quoting it: it may hold a password.
struct YAMLProblem {
    var position: SourcePosition
    var message: String

    init(_ failure: YAMLParser.Failure, in text: YAMLText) {
        position = text.clamped(failure.position)
        message = Self.explain(failure.problem, failure.context, at: position, in: text)
    }

    private static func explain(
        _ problem: String, _ context: YAMLParser.Failure.Context?, at position: SourcePosition, in text: YAMLText
    ) -> String {
        switch problem {
        case "found character that cannot start any token":
            let scalar = text.scalar(at: position)
            guard let scalar, scalar != "\t" else { return "a tab where YAML wants spaces; indent with spaces" }
            return "'\(scalar)' cannot start a value; put the value in quotes"
        case "found a tab character that violates indentation", "found a tab character where an indentation space is expected":
            return "a tab where YAML wants spaces; indent with spaces"
        case "mapping values are not allowed in this context":
            return "a ':' is not allowed here; check the indentation, and put a value that contains ': ' in quotes"
        case "could not find expected ':'":
            return "no ':' after the name of a member\(opened(context)); write 'name: value'"
        case "did not find expected key":
            return "the name of a member is expected here\(opened(context)); indent it as the members beside it"
        case "did not find expected '-' indicator":
            return "a '-' is expected here\(opened(context)); indent the entry as those beside it"
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
            if text.scalar(at: position) == "{", text.isPreceded(by: "$", at: position) {
                return "within [ ] and { } a '{' begins a mapping; put the ${NAME} in quotes"
            }
            return problem.hasSuffix("']'")
                ? "a ',' or a ']' is expected here\(opened(context))"
                : "a ',' or a '}' is expected here\(opened(context))"
        case "found unexpected end of stream":
            return "the file ends within a quoted value\(opened(context)); close the quote"
        case "did not find expected node content":
            return "a value is expected here; write one, or remove the ',' before it"
        case "found undefined alias":
            return "this alias has no anchor before it; write '&name' in front of the value that it stands for"
        case "but found another document":
            return "a second document begins here; a configuration is one document: remove the '---'"
        case "block sequence entries are not allowed in this context":
            return "a list entry is not allowed here; begin the list on a line of its own"
        case "no memory":
            return "there is no memory left to read the file"
        case "nested too deeply":
            return "lists and mappings are nested too deeply; is a bracket or a brace not closed?"
        default:
            return "not readable as YAML: \(problem)\(opened(context))"
        }
    }

    /// Where the construct that the problem is in began.
    private static func opened(_ context: YAMLParser.Failure.Context?) -> String {
        guard let context else { return "" }
        let subject = context.text.hasPrefix("while ") ? String(context.text.dropFirst("while ".count)) : context.text
        return " (\(subject) that begins at line \(context.position.line), column \(context.position.column))"
    }
}
