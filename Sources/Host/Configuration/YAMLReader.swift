import Yams

/// Reads one YAML document into a tree, with everything replaced that stands for something else.
///
/// The text and every scalar pass through `String`, in Yams and here, which nothing can wipe: libyaml copies them through
/// buffers that it frees as they are, and Swift copies short strings by value. A secret in the file stays in free memory until
/// that is used again. What is kept, the password of the private key and the keystore's configuration, is copied into
/// `SecretBytes`.
struct YAMLReader {
    let environment: [String: String]
    let diagnostics: Diagnostics

    /// An alias costs a few bytes and can stand for a tree of aliases: this keeps a small file from becoming a huge tree.
    static let mostNodes = 100_000

    /// Reads `text`, or says to `diagnostics` why it cannot and returns nil. Some errors still leave a tree to go on with.
    func read(_ text: String) -> YAMLNode? {
        // A byte order mark is allowed at the start (YAML 1.1, section 5.2) and is not a column.
        var source = YAMLText(text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text)
        if let (scalar, position) = source.firstForbiddenScalar() {
            let code = String(scalar.value, radix: 16, uppercase: true)
            diagnostics.error(
                at: position, "the character U+\(code) is not allowed in YAML; remove it, or escape it in double quotes")
            return nil
        }
        while true {
            do {
                guard let root = try parse(source.text) else {
                    diagnostics.error(
                        at: .start, "the file is empty; it must be a mapping with at least 'admin', 'tls' and 'keystore'")
                    return nil
                }
                var converter = Converter(environment: environment, diagnostics: diagnostics, names: source.hiddenMembers)
                return converter.convert(root)
            } catch {
                let problem = YAMLProblem(error, in: source)
                if case YamlError.duplicatedKeysInMapping(let names, _) = error, let name = names.first,
                    source.hideMember(name, at: problem.position)
                {
                    continue
                }
                diagnostics.error(at: problem.position, problem.message)
                return nil
            }
        }
    }

    private func parse(_ text: String) throws -> Node? {
        // Without rules for the types of scalars: `convert` needs none, and Yams' are regular expressions that take long to
        // build. The encoding is given, as Yams would otherwise look for it in the environment.
        try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    }
}

/// Turns Yams' nodes into `YAMLNode`s.
private struct Converter {
    let environment: [String: String]
    let diagnostics: Diagnostics
    /// The true names of the members that have a substitute in the text, by where they are.
    let names: [SourcePosition: String]
    private var count = 0

    init(environment: [String: String], diagnostics: Diagnostics, names: [SourcePosition: String]) {
        self.environment = environment
        self.diagnostics = diagnostics
        self.names = names
    }

    /// nil after too many nodes.
    mutating func convert(_ node: Node) -> YAMLNode? {
        let position = Self.position(of: node)
        count += 1
        guard count <= YAMLReader.mostNodes else {
            diagnostics.error(at: position, "the file stands for more than \(YAMLReader.mostNodes) values; use fewer aliases")
            return nil
        }
        switch node {
        case .scalar(let scalar):
            return YAMLNode(content: convert(scalar, at: position).map { .scalar($0) } ?? .unset, position: position)
        case .sequence(let sequence):
            var elements: [YAMLNode] = []
            for element in sequence {
                guard let converted = convert(element) else { return nil }
                elements.append(converted)
            }
            return YAMLNode(content: .sequence(elements), position: position)
        case .mapping(let mapping):
            guard let content = convert(mapping) else { return nil }
            return YAMLNode(content: content, position: position)
        case .alias:
            // The parser has put the values of aliases in their places.
            diagnostics.error(at: position, "this alias has no value")
            return nil
        }
    }

    /// nil when the scalar stands for a variable that is not set.
    private func convert(_ scalar: Node.Scalar, at position: SourcePosition) -> YAMLScalar? {
        let text = names[position] ?? scalar.string
        let tag = Self.tag(of: scalar).map { YAMLScalar.Typing.tagged($0) }
        guard let reference = EnvironmentReference(text) else {
            return YAMLScalar(text: text, typing: tag ?? (scalar.style == .plain ? .plain : .string))
        }
        return reference.value(in: environment, at: position, diagnostics).map {
            YAMLScalar(text: $0, typing: tag ?? .string, variable: reference.name)
        }
    }

    /// The tag that the file gives the scalar, if any.
    private static func tag(of scalar: Node.Scalar) -> String? {
        let tag = scalar.tag.rawValue
        // libyaml tags what is quoted as a string, which the file does not.
        if tag.isEmpty || (tag == Tag.Name.str.rawValue && scalar.style != .plain) { return nil }
        let namespace = "tag:yaml.org,2002:"
        return tag.hasPrefix(namespace) ? String(tag.dropFirst(namespace.count)) : tag
    }

    private mutating func convert(_ mapping: Node.Mapping) -> YAMLNode.Content? {
        var members: [YAMLNode.Member] = []
        var places: [String: SourcePosition] = [:]
        var merged: [YAMLNode.Member] = []
        var isUnset = false
        for (key, value) in mapping {
            guard let convertedValue = convert(value) else { return nil }
            let position = Self.position(of: key)
            guard case .scalar(let scalar) = key else {
                diagnostics.error(at: position, "the name of a member must be a single value")
                continue
            }
            guard let name = convert(scalar, at: position)?.text else {
                // What the mapping lacks cannot be said when a name is not known.
                isUnset = true
                continue
            }
            if name == "<<", scalar.style == .plain {
                merged += mergedMembers(convertedValue)
            } else if let first = places[name] {
                diagnostics.error(at: position, "'\(name)' is given twice, first at line \(first.line); keep one of them")
            } else {
                places[name] = position
                members.append(YAMLNode.Member(name: name, namePosition: position, value: convertedValue))
            }
        }
        // What the mapping says itself wins over what it merges, and what is merged first wins over what comes later.
        for member in merged where places.updateValue(member.namePosition, forKey: member.name) == nil {
            members.append(member)
        }
        return isUnset ? .unset : .mapping(members)
    }

    /// The members that `<<: value` adds (https://yaml.org/type/merge.html).
    private func mergedMembers(_ value: YAMLNode) -> [YAMLNode.Member] {
        switch value.content {
        case .mapping(let members):
            return members
        case .sequence(let elements):
            return elements.flatMap(mergedMembers)
        case .unset:
            return []
        case .scalar:
            diagnostics.error(at: value.position, "'<<' merges a mapping; write an alias of one, such as '<<: *defaults'")
            return []
        }
    }

    private static func position(of node: Node) -> SourcePosition {
        // Every node of a parsed text has a mark.
        node.mark.map { SourcePosition(line: $0.line, column: $0.column) } ?? .start
    }
}
