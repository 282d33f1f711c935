import Credentials

/// A scalar of the form `${NAME}`, which stands for the value of an environment variable.
struct EnvironmentReference {
    let name: String

    /// nil when `text` has another form. `${` and `}` within a longer text mean nothing: only a whole scalar is replaced.
    init?(_ text: String) {
        guard text.hasPrefix("${"), text.hasSuffix("}") else { return nil }
        let name = text.utf8.dropFirst(2).dropLast()
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let start = name.firstIndex { !isSpace($0) } ?? name.endIndex
        let end = name.lastIndex { !isSpace($0) }.map { name.index(after: $0) } ?? start
        self.name = String(Substring(name[start..<end]))
    }

    /// The value of the variable. When it has none, says so to `diagnostics` and returns nil.
    func value(in environment: [String: String], at position: SourcePosition, _ diagnostics: Diagnostics) -> String? {
        guard !name.isEmpty else {
            diagnostics.error(at: position, "'${}' names no environment variable; write ${NAME}, or put the text in another form")
            return nil
        }
        guard let value = environment[name] else {
            let name = APIKey.masked(in: name)
            diagnostics.error(
                at: position, "the environment variable '\(name)' is not set; set it, or write the value in place of ${\(name)}")
            return nil
        }
        return value
    }
}
