import Testing

/// The keystores that come with the server.
enum Store: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case mem, fs, sqlite

    /// Those that keep keys when the server ends.
    static let lasting: [Store] = [.fs, .sqlite]

    var testDescription: String { rawValue }

    /// The `keystore:` section of a configuration whose keys are in `directory`.
    func section(in directory: String) -> String {
        switch self {
        case .mem: "mem: {}"
        case .fs: "fs: { path: \(directory)/keys }"
        case .sqlite: "sqlite: { path: \(directory)/keys.db }"
        }
    }
}
