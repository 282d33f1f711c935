/// One thing that is wrong with a plugin's manifest.
package struct ManifestProblem: Equatable, Sendable {
    /// Counting from 1; nil when the problem is not at one place.
    package var line: Int?
    package var column: Int?
    package var text: String

    init(_ text: String, at position: SourcePosition? = nil) {
        self.text = text
        line = position?.line
        column = position?.column
    }

    /// The order of the file, what has no place first.
    func isBefore(_ other: ManifestProblem) -> Bool { (line ?? 0, column ?? 0) < (other.line ?? 0, other.column ?? 0) }
}

/// The members of a manifest's one mapping, taken one after the other. What is wrong with one does not hide what is wrong with others.
struct ManifestMembers {
    private(set) var problems: [ManifestProblem] = []
    private var remaining: [(name: String, position: SourcePosition, value: YAMLElement)] = []

    /// - Throws: when the text is no mapping, and so has no members.
    init(parsing text: String, path: String) throws(PluginError) {
        let root: YAMLElement?
        do throws(YAMLParser.Failure) {
            root = try YAMLParser.parse(text)
        } catch {
            throw .invalidManifest(path: path, [ManifestProblem(error.problem, at: error.position)])
        }
        guard case .mapping(let members)? = root?.content else {
            let problem = ManifestProblem("a manifest is a mapping with 'name' and 'library'", at: root?.position ?? .start)
            throw .invalidManifest(path: path, [problem])
        }
        for member in members {
            guard let name = member.name.text else {
                problems.append(ManifestProblem("a member's name must be text", at: member.name.position))
                continue
            }
            if remaining.contains(where: { $0.name == name }) {
                problems.append(ManifestProblem("given more than once: \(name)", at: member.name.position))
                continue
            }
            remaining.append((name, member.name.position, member.value))
        }
    }

    /// Takes a member that must be there. `problem` says what is wrong with its value, nil when nothing is.
    ///
    /// - Returns: nil when it is missing or wrong, which is then among the problems.
    mutating func required(_ name: String, _ meaning: String, _ problem: (String) -> String?) -> String? {
        guard remaining.contains(where: { $0.name == name }) else {
            problems.append(ManifestProblem("'\(name)' is missing: \(meaning)"))
            return nil
        }
        return optional(name, problem)
    }

    /// Takes a member; nil when it is not there, or wrong.
    mutating func optional(_ name: String, _ problem: (String) -> String?) -> String? {
        guard let index = remaining.firstIndex(where: { $0.name == name }) else { return nil }
        let member = remaining.remove(at: index)
        guard let text = member.value.text else {
            problems.append(ManifestProblem("'\(name)' must be text", at: member.value.position))
            return nil
        }
        guard let problem = problem(text) else { return text }
        problems.append(ManifestProblem(problem, at: member.value.position))
        return nil
    }

    /// Whatever was not taken is a mistake.
    mutating func refuseOthers(known: [String]) {
        for unknown in remaining {
            let text = "'\(unknown.name)' is not a member of a manifest: these are \(known.joined(separator: ", "))"
            problems.append(ManifestProblem(text, at: unknown.position))
        }
        remaining = []
    }
}
