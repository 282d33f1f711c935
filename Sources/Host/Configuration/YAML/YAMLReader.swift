/// Reads one YAML document into a tree, with everything replaced that stands for something else.
///
/// The text and every scalar pass through `String`, which nothing can wipe: libyaml copies them through
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
        let source = YAMLText(text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text)
        if let (scalar, position) = source.firstForbiddenScalar() {
            let code = String(scalar.value, radix: 16, uppercase: true)
            diagnostics.error(
                at: position, "the character U+\(code) is not allowed in YAML; remove it, or escape it in double quotes")
            return nil
        }
        do throws(YAMLParser.Failure) {
            guard let root = try YAMLParser.parse(source.text) else {
                diagnostics.error(
                    at: .start, "the file is empty; it must be a mapping with at least 'admin', 'tls' and 'keystore'")
                return nil
            }
            var converter = Converter(environment: environment, diagnostics: diagnostics)
            return converter.convert(root)
        } catch {
            let problem = YAMLProblem(error, in: source)
            diagnostics.error(at: problem.position, problem.message)
            return nil
        }
    }
}

/// Turns what is written into what it stands for.
private struct Converter {
    let environment: [String: String]
    let diagnostics: Diagnostics
    private var count = 0

    init(environment: [String: String], diagnostics: Diagnostics) {
        self.environment = environment
        self.diagnostics = diagnostics
    }

    /// nil after too many nodes.
    mutating func convert(_ element: YAMLElement) -> YAMLNode? {
        let position = element.position
        count += 1
        guard count <= YAMLReader.mostNodes else {
            diagnostics.error(at: position, "the file stands for more than \(YAMLReader.mostNodes) values; use fewer aliases")
            return nil
        }
        switch element.content {
        case .scalar(let text, let isPlain):
            let scalar = scalar(text, isPlain: isPlain, tag: element.tag, at: position)
            return YAMLNode(content: scalar.map { .scalar($0) } ?? .unset, position: position)
        case .sequence(let sequence):
            var elements: [YAMLNode] = []
            for element in sequence {
                guard let converted = convert(element) else { return nil }
                elements.append(converted)
            }
            return YAMLNode(content: .sequence(elements), position: position)
        case .mapping(let members):
            guard let content = convert(members) else { return nil }
            return YAMLNode(content: content, position: position)
        }
    }

    /// nil when the scalar stands for a variable that is not set.
    private func scalar(_ text: String, isPlain: Bool, tag: String?, at position: SourcePosition) -> YAMLScalar? {
        let tagged = Self.typing(tag, isPlain: isPlain)
        guard let reference = EnvironmentReference(text) else {
            return YAMLScalar(text: text, typing: tagged ?? (isPlain ? .plain : .string))
        }
        return reference.value(in: environment, at: position, diagnostics).map {
            YAMLScalar(text: $0, typing: tagged ?? .string, variable: reference.name)
        }
    }

    /// What a tag says about the type, if anything.
    private static func typing(_ tag: String?, isPlain: Bool) -> YAMLScalar.Typing? {
        let namespace = "tag:yaml.org,2002:"
        guard let tag, isPlain || tag != "\(namespace)str" else { return nil }
        return .tagged(tag.hasPrefix(namespace) ? String(tag.dropFirst(namespace.count)) : tag)
    }

    private mutating func convert(_ elements: [YAMLElement.Member]) -> YAMLNode.Content? {
        var members: [YAMLNode.Member] = []
        var places: [String: SourcePosition] = [:]
        var merged: [YAMLNode.Member] = []
        var isUnset = false
        for element in elements {
            guard let convertedValue = convert(element.value) else { return nil }
            let position = element.name.position
            guard case .scalar(let text, let isPlain) = element.name.content else {
                diagnostics.error(at: position, "the name of a member must be a single value")
                continue
            }
            guard let nameScalar = scalar(text, isPlain: isPlain, tag: element.name.tag, at: position) else {
                // What the mapping lacks cannot be said when a name is not known.
                isUnset = true
                continue
            }
            let (name, shownName) = (nameScalar.text, nameScalar.shownAsName)
            if name == "<<", isPlain {
                merged += mergedMembers(convertedValue)
            } else if let first = places[name] {
                diagnostics.error(at: position, "'\(shownName)' is given twice, first at line \(first.line); keep one of them")
            } else {
                places[name] = position
                members.append(YAMLNode.Member(name: name, shownName: shownName, namePosition: position, value: convertedValue))
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
}
