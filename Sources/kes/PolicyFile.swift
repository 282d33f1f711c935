import Yams

/// A policy in a file, in JSON or YAML: `allow` and `deny`, each a list of patterns or a map whose members are the patterns.
struct PolicyFile {
    let allow: [String]
    let deny: [String]

    init(path: String) throws(CommandFailure) {
        let text = String(decoding: try Files.read(path), as: UTF8.self)
        do {
            // JSON is YAML, so that one parser reads both.
            guard let root = try Yams.compose(yaml: text)?.mapping else {
                throw CommandFailure("\(path) holds no policy: it needs `allow` or `deny` at its top")
            }
            var allow: [String] = []
            var deny: [String] = []
            for (name, value) in root {
                switch name.string {
                case "allow": allow = try Self.patterns(value, path: path)
                case "deny": deny = try Self.patterns(value, path: path)
                default:
                    let place = name.mark.map { ":\($0.line):\($0.column)" } ?? ""
                    throw CommandFailure("\(path)\(place): '\(name.string ?? "?")' is unknown: a policy has `allow` and `deny`")
                }
            }
            (self.allow, self.deny) = (allow, deny)
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("\(path) is neither JSON nor YAML: \(error)")
        }
    }

    private static func patterns(_ node: Node, path: String) throws(CommandFailure) -> [String] {
        let nodes: [Node]
        switch node {
        case .sequence(let sequence): nodes = Array(sequence)
        case .mapping(let mapping): nodes = mapping.keys.map { $0 }
        case .scalar(let scalar) where scalar.string.isEmpty || scalar.string == "null" || scalar.string == "~": nodes = []
        default: throw CommandFailure("\(path): `allow` and `deny` are lists of patterns")
        }
        var patterns: [String] = []
        for node in nodes {
            guard let pattern = node.string else { throw CommandFailure("\(path): a pattern has to be text") }
            patterns.append(pattern)
        }
        return patterns
    }
}
