/// Why keys were not copied, in words for the operator.
package enum MigrationError: Error, Sendable {
    /// Both configurations name one keystore.
    case sameKeystore(String)
    /// The file or directory is not there that this member of the plugin's configuration, in this file, names as the source.
    case noSource(String, file: String, member: String, path: String)
    case badPattern(String)
    /// The source, of this file, holds no keys that begin with the prefix.
    case nothingToCopy(source: String, file: String, prefix: String)
    /// The destination holds these names already, of so many to copy. Nothing was copied.
    case alreadyThere(names: [String], of: Int)
    /// A keystore could not go on. What was copied until then stays. `keys` are those that were being replaced then, and what became of
    /// them.
    case keystoreFailed(KeystoreProblem, keys: [String], KeystoreMigration.Progress)
    /// A signal stopped it. What was copied until then stays.
    case interrupted(by: Int32, keys: [String], KeystoreMigration.Progress)
    /// These keys were not copied, and all others were.
    case keysFailed([KeyProblem], KeystoreMigration.Progress)
}

/// A keystore did not do what it was asked.
package struct KeystoreProblem: Error, Sendable {
    private let what: String
    /// Whether the same may go well a moment later.
    var mayPass = true
    /// When a key was being replaced: what became of what stood there.
    var oldKey: OldKey?

    package init(description: String, mayPass: Bool = true) {
        what = description
        self.mayPass = mayPass
    }
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
        /// No request could name it.
        case notAName
        /// What a keystore holds is no key.
        case unreadable(role: String, String)
        /// A keystore does not take or give up what stands under this name.
        case refused(KeystoreProblem)
    }

    package let name: String
    let reason: Reason
    /// When it was being replaced: what became of what stood there.
    var oldKey: OldKey?
}

/// What became of a key that could not be replaced.
enum OldKey: Sendable {
    /// It stands where it stood.
    case untouched
    /// It was removed, and put back.
    case restored
    /// Something else stands there, or may.
    case replaced(String)
    /// It was removed and could not be put back: what it was, whether it is known that nothing stands there, and why.
    case lost(String, isKnown: Bool, String)
}

/// What can go wrong with one key: with it alone, or with a keystore as a whole.
enum KeyProblemOrKeystoreProblem: Error {
    case key(KeyProblem)
    case keystore(KeystoreProblem)

    /// Whether the same may go well a moment later.
    var mayPass: Bool {
        switch self {
        case .key(let problem): if case .notAsWritten = problem.reason { true } else { false }
        case .keystore(let problem): problem.mayPass
        }
    }

    /// The same, and what became of the key that was to be replaced.
    func with(_ oldKey: OldKey) -> KeyProblemOrKeystoreProblem {
        switch self {
        case .key(var problem):
            problem.oldKey = oldKey
            return .key(problem)
        case .keystore(var problem):
            problem.oldKey = oldKey
            return .keystore(problem)
        }
    }
}

extension KeyProblemOrKeystoreProblem: CustomStringConvertible {
    var description: String {
        switch self {
        case .key(let problem): "\(problem)"
        case .keystore(let problem): "\(problem)"
        }
    }
}

extension OldKey: CustomStringConvertible {
    /// To be put behind what went wrong.
    var description: String {
        switch self {
        case .untouched: "; what the destination held under this name is still there"
        case .restored: "; what the destination held under this name was put back"
        case .replaced(let why): "; what the destination held under this name is no longer there: \(why)"
        case .lost(let provenance, let isKnown, let why):
            "; what the destination held under this name (\(provenance)) was removed and could not be put back: \(why). "
                + (isKnown
                    ? "The destination has no key of this name now"
                    : "Whether the destination has a key of this name now is not known")
                + ": run it again with --force, which creates that of the source. What was there before is only in backups of the destination"
        }
    }

    /// Whether the destination was left without what it held.
    var isGone: Bool {
        switch self {
        case .untouched, .restored: false
        case .replaced, .lost: true
        }
    }
}

extension KeystoreProblem: CustomStringConvertible {
    package var description: String { what + (oldKey?.description ?? "") }
}

extension KeyProblem: CustomStringConvertible {
    package var description: String { "'\(name)': \(why)\(oldKey?.description ?? "")" }

    private var why: String {
        switch reason {
        case .other: "the destination holds another key of this name (--force replaces it)"
        case .changedMeanwhile: "somebody else wrote a key of this name to the destination at the same time"
        case .notAsWritten: "what the destination gives back is not what was written to it"
        case .notAName: "that is not the name of a key (\(Names.rule)); rename or remove it in the source"
        case .unreadable(let role, let why): "what the \(role) holds cannot be used: \(why)"
        case .refused(let problem): problem.description
        }
    }
}

extension MigrationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .sameKeystore(let name):
            "both configurations name the same keystore ('\(name)', with the same settings)"
        case .noSource(let name, let file, let member, let path):
            "there is no source at \(path) ('keystore.\(name).\(member)' of \(file)): nothing was copied. Is the path right, and is the "
                + "disk mounted?"
        case .badPattern(let pattern):
            "'\(pattern)' is no pattern of names: write what they start with, such as my-app or my-app*"
        case .nothingToCopy(let source, let file, let prefix):
            "the source '\(source)' of \(file) holds no keys\(prefix.isEmpty ? "" : " that begin with '\(prefix)'"): nothing was copied. "
                + "Is its path right, and is the disk mounted?"
        case .alreadyThere(let names, let count):
            "the destination holds \(count == 1 ? "the key" : "\(names.count) of the \(count) keys") already: \(Self.list(names)). Nothing was copied. "
                + "--merge keeps those that are equal, --force replaces those that are not"
        case .keystoreFailed(let problem, let keys, let progress):
            progress.total == 0
                ? problem.description : "\(problem). \(Self.rest(progress))" + keys.map { "\n  \($0)" }.joined()
        case .interrupted(_, let keys, let progress):
            "interrupted. \(Self.rest(progress))" + keys.map { "\n  \($0)" }.joined()
        case .keysFailed(let problems, let progress):
            "\(problems.count) of \(Plural.count(progress.total, "key")) \(problems.count == 1 ? "was" : "were") not copied:\n"
                + problems.prefix(Self.shown).map { "  \($0)" }.joined(separator: "\n")
                + (problems.count > Self.shown ? "\n  and \(problems.count - Self.shown) more" : "")
        }
    }

    private static func rest(_ progress: KeystoreMigration.Progress) -> String {
        "Copied \(progress.done - progress.failed) of \(Plural.count(progress.total, "key")); run it again with --merge to "
            + "go on, or with --force if that was given"
    }

    // As many as fit on a screen.
    private static let shown = 20

    private static func list(_ names: [String]) -> String {
        let some = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        return names.count > 5 ? "\(some), …" : some
    }
}
