import Host

/// YAML, and so JSON, as dictionaries, arrays, strings, integers and booleans.
enum YAMLValue {
    /// nil when `text` has no document.
    static func load(_ text: String) throws -> Any? {
        try YAMLParser.parse(text).map(value)
    }

    private static func value(of element: YAMLElement) -> Any {
        switch element.content {
        case .sequence(let elements): return elements.map(value)
        case .mapping(let members):
            return [String: Any](
                members.map { ($0.name.text ?? "", value(of: $0.value)) }, uniquingKeysWith: { first, _ in first })
        case .scalar("true", isPlain: true): return true
        case .scalar("false", isPlain: true): return false
        case .scalar(let text, let isPlain): return (isPlain ? Int(text) : nil) ?? text
        }
    }
}
