/// Why keys were not copied, in words for the operator.
package enum MigrationError: Error, Sendable {
    /// Both configurations name one keystore.
    case sameKeystore(String)
    case badPattern(String)
    /// The destination holds these names already, of so many to copy. Nothing was copied.
    case alreadyThere(names: [String], of: Int)
    /// A keystore could not go on. What was copied until then stays.
    case keystoreFailed(KeystoreProblem, KeystoreMigration.Progress)
    /// These keys were not copied, and all others were.
    case keysFailed([KeyProblem], KeystoreMigration.Progress)
}

/// A keystore did not do what it was asked.
package struct KeystoreProblem: Error, Sendable, CustomStringConvertible {
    package let description: String
}

/// Why one key was not copied.
package struct KeyProblem: Error, Sendable {
    enum Reason: Sendable {
        /// The destination holds another key of this name.
        case other
        /// Somebody else wrote a key of this name to the destination at the same time.
        case changedMeanwhile
        /// What the destination gave back is not what was written to it.
        case notAsWritten
        /// What a keystore holds is no key.
        case unreadable(role: String, String)
    }

    package let name: String
    let reason: Reason
}

/// What can go wrong with one key: with it alone, or with a keystore as a whole.
enum KeyProblemOrKeystoreProblem: Error {
    case key(KeyProblem)
    case keystore(KeystoreProblem)
}

extension KeyProblem: CustomStringConvertible {
    package var description: String {
        switch reason {
        case .other: "'\(name)': the destination holds another key of this name (--force replaces it)"
        case .changedMeanwhile: "'\(name)': somebody else wrote a key of this name to the destination at the same time"
        case .notAsWritten: "'\(name)': what the destination gives back is not what was written to it"
        case .unreadable(let role, let why): "'\(name)': what the \(role) holds cannot be used: \(why)"
        }
    }
}

extension MigrationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .sameKeystore(let name):
            "both configurations name the same keystore ('\(name)', with the same settings)"
        case .badPattern(let pattern):
            "'\(pattern)' is no pattern of names: write what they start with, such as my-app or my-app*"
        case .alreadyThere(let names, let count):
            "the destination holds \(names.count) of the \(count) keys already: \(Self.list(names)). Nothing was copied. "
                + "--merge keeps those that are equal, --force replaces those that are not"
        case .keystoreFailed(let problem, let progress):
            progress.total == 0
                ? problem.description
                : "\(problem). \(progress.done - progress.failed) of \(progress.total) keys are copied; run it again with --merge to go on"
        case .keysFailed(let problems, let progress):
            "\(problems.count) of \(progress.total) keys were not copied:\n"
                + problems.prefix(Self.shown).map { "  \($0)" }.joined(separator: "\n")
                + (problems.count > Self.shown ? "\n  and \(problems.count - Self.shown) more" : "")
        }
    }

    // As many as fit on a screen.
    private static let shown = 20

    private static func list(_ names: [String]) -> String {
        let some = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        return names.count > 5 ? "\(some), …" : some
    }
}
