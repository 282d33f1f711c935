import Credentials

/// One thing that is wrong with a configuration file, and where.
///
/// It prints as `FILE:LINE:COLUMN: message`, the form that editors and compilers use. The message says what is wrong and what
/// would be right. It never holds a value that may be a secret.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named to the loader.
    package var file: String
    /// Counted from 1; 0 when the error is not about a place in the file.
    package var line: Int
    /// Counted from 1, in Unicode scalars; 0 when the error is not about a place in the file.
    package var column: Int
    package var message: String

    package init(file: String, line: Int = 0, column: Int = 0, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    package var description: String {
        line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)"
    }
}

/// All that is wrong with a configuration file, in the order of the file. Never empty.
package struct ConfigurationErrors: Error, Equatable, Sendable, CustomStringConvertible {
    package var errors: [ConfigurationError]

    package init(errors: [ConfigurationError]) {
        self.errors = errors
    }

    /// One error per line.
    package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// A place in a configuration file.
package struct SourcePosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package var line: Int
    /// Counted from 1, in Unicode scalars.
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static let start = SourcePosition(line: 1, column: 1)

    package static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }

    package var description: String { "\(line):\(column)" }
}

/// What a file says besides its configuration: where it says what, and what is allowed but most likely not meant.
package struct ConfigurationOrigin: Sendable {
    /// The file as it was named to the loader; empty for a configuration that no file holds.
    package var file: String
    /// Where each member's value is, by its path from the root (`tls.key`).
    package var positions: [String: SourcePosition]
    /// Where each identity is named.
    package var identities: [Identity: SourcePosition] = [:]
    /// In the order of the file. They print as errors do.
    package var warnings: [ConfigurationError]

    package init(file: String = "", positions: [String: SourcePosition] = [:], warnings: [ConfigurationError] = []) {
        self.file = file
        self.positions = positions
        self.warnings = warnings
    }
}
