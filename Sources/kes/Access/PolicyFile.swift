import Host

/// A policy in a file, in JSON or YAML: `allow` and `deny`, each a list of patterns or a map whose members are the patterns.
///
/// `version: v1` may stand beside them, and what `kes policy show` tells besides, so that its output makes a policy again.
struct PolicyFile {
    let allow: [String]
    let deny: [String]

    private static let described: Set<String> = ["name", "created_at", "created_by"]

    init(path: String) throws(CommandFailure) {
        guard let text = String(validating: try Files.read(path), as: UTF8.self) else {
            throw CommandFailure("\(path) is not UTF-8; save it as UTF-8")
        }
        // JSON is YAML, so that one parser reads both.
        let root: YAMLElement?
        do throws(YAMLParser.Failure) {
            root = try YAMLParser.parse(text)
        } catch {
            throw CommandFailure("\(path):\(error.position) is neither JSON nor YAML: \(error.problem)")
        }
        guard case .mapping(let members)? = root?.content else {
            throw CommandFailure("\(path) holds no policy: it needs `allow` or `deny` at its top")
        }
        var lists: [String: [String]] = [:]
        for member in members {
            let place = "\(path):\(member.name.position)"
            let name = member.name.text ?? "?"
            if Self.described.contains(name) { continue }
            if name == "version" {
                guard let version = member.value.text, ["", "v1"].contains(version) else {
                    throw CommandFailure("\(place): the only version is v1, which may be left out")
                }
                continue
            }
            guard name == "allow" || name == "deny" else {
                throw CommandFailure("\(place): '\(name)' is unknown: a policy has `allow` and `deny`")
            }
            let patterns = try Self.patterns(member.value, path: path)
            if lists.updateValue(patterns, forKey: name) != nil {
                throw CommandFailure("\(place): `\(name)` is given twice; keep one of them")
            }
        }
        allow = lists["allow"] ?? []
        deny = lists["deny"] ?? []
    }

    private static func patterns(_ list: YAMLElement, path: String) throws(CommandFailure) -> [String] {
        let elements: [YAMLElement]
        switch list.content {
        case .sequence(let sequence): elements = sequence
        case .mapping(let members): elements = members.map(\.name)
        case .scalar(let text, isPlain: true) where ["", "null", "~"].contains(text): elements = []
        case .scalar: throw CommandFailure("\(path): `allow` and `deny` are lists of patterns")
        }
        var patterns: [String] = []
        for element in elements {
            guard let pattern = element.text else { throw CommandFailure("\(path): a pattern has to be text") }
            // What the server's configuration file replaces stands for itself here: a `deny` with it would deny nothing.
            if case .scalar(text: "<<", isPlain: true) = element.content {
                throw CommandFailure("\(path):\(element.position): '<<' merges nothing here; write the patterns themselves")
            }
            if pattern.hasPrefix("${") {
                throw CommandFailure("\(path):\(element.position): no variable is replaced here; write the pattern itself")
            }
            patterns.append(pattern)
        }
        return patterns
    }
}
