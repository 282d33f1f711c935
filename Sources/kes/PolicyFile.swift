import Host

/// A policy in a file, in JSON or YAML: `allow` and `deny`, each a list of patterns or a map whose members are the patterns.
struct PolicyFile {
    let allow: [String]
    let deny: [String]

    init(path: String) throws(CommandFailure) {
        let text = String(decoding: try Files.read(path), as: UTF8.self)
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
            guard let name = member.name.text, name == "allow" || name == "deny" else {
                throw CommandFailure("\(place): '\(member.name.text ?? "?")' is unknown: a policy has `allow` and `deny`")
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
            patterns.append(pattern)
        }
        return patterns
    }
}
