/// Collects what is wrong with one file while it is read, so that its author sees all of it at once.
///
/// A class, because every step of the reading adds to the same collection. It stays within the call that reads the file.
final class Diagnostics {
    let file: String
    private var errors: [ConfigurationError] = []
    private var warnings: [ConfigurationError] = []

    init(file: String) {
        self.file = file
    }

    var hasErrors: Bool { !errors.isEmpty }

    func error(at position: SourcePosition, _ message: String) {
        errors.append(ConfigurationError(file: file, line: position.line, column: position.column, message: message))
    }

    func warning(at position: SourcePosition, _ message: String) {
        warnings.append(ConfigurationError(file: file, line: position.line, column: position.column, message: message))
    }

    /// The errors in the order of the file. An alias makes the reader see one place twice: its error counts once.
    var sortedErrors: [ConfigurationError] { Self.sorted(errors) }
    var sortedWarnings: [ConfigurationError] { Self.sorted(warnings) }

    private static func sorted(_ entries: [ConfigurationError]) -> [ConfigurationError] {
        var seen: Set<ConfigurationError> = []
        return entries.filter { seen.insert($0).inserted }.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
    }
}
