import Yams

/// What libyaml has against a text, in words that say what to do. Yams' own descriptions quote the lines of the file, which
/// may hold a password.
struct YAMLProblem {
    var position: SourcePosition
    var message: String

    init(_ error: any Error, in text: YAMLText) {
        guard let error = error as? YamlError else {
            self.init(position: .start, message: "not readable as YAML")
            return
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let position = text.clamped(SourcePosition(line: mark.line, column: mark.column))
            self.init(position: position, message: Self.explain(problem, context, at: position, in: text))
        case .duplicatedKeysInMapping(let names, let context):
            let name = names.first ?? ""
            self.init(
                position: SourcePosition(line: context.mark.line, column: context.mark.column),
                message: "'\(name)' is given more than once in one mapping; keep one of them")
        case .memory:
            self.init(position: .start, message: "there is no memory left to read the file")
        case .no, .reader, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            self.init(position: .start, message: "not readable as YAML")
        }
    }

    private init(position: SourcePosition, message: String) {
        self.position = position
        self.message = message
    }

    private static func explain(
        _ problem: String, _ context: YamlError.Context?, at position: SourcePosition, in text: YAMLText
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
        case _ where problem.hasPrefix("Maximum nesting level reached"):
            return "lists and mappings are nested too deeply; is a bracket or a brace not closed?"
        default:
            return "not readable as YAML: \(problem)\(opened(context))"
        }
    }

    /// Where the construct that the problem is in began.
    private static func opened(_ context: YamlError.Context?) -> String {
        guard let context else { return "" }
        let subject = context.text.hasPrefix("while ") ? String(context.text.dropFirst("while ".count)) : context.text
        return " (\(subject) that begins at line \(context.mark.line), column \(context.mark.column))"
    }
}
