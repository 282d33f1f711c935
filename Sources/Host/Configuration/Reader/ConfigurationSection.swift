import Credentials

/// A mapping of the file that has a fixed set of members, and typed access to them.
///
/// A member that is absent and one that is `null` are the same. Whatever is wrong is said to the diagnostics, and the value is
/// nil as if it were absent; `has` tells the two apart.
struct ConfigurationSection {
    /// From the root, such as `tls.proxy`; empty for the root.
    let path: String
    /// Where a member that is missing would have to be.
    let position: SourcePosition
    let diagnostics: Diagnostics
    private var members: [String: YAMLNode.Member] = [:]

    /// Takes `node`, which is nil when the section is absent, and says which of its members are not `known`.
    init(_ node: YAMLNode?, path: String, known: [String], position: SourcePosition, _ diagnostics: Diagnostics) {
        self.path = path
        self.position = position
        self.diagnostics = diagnostics
        for member in Self.members(of: node, path: path, diagnostics) {
            guard known.contains(member.name) else {
                let place = path.isEmpty ? "" : " in '\(path)'"
                let suggestion = NearestName.suggestion(for: member.name, among: known)
                diagnostics.error(at: member.namePosition, "unknown member '\(member.shownName)'\(place); \(suggestion)")
                continue
            }
            members[member.name] = member
        }
    }

    /// The members of a mapping whose names the author chooses; empty when `node` is absent or no mapping.
    static func members(of node: YAMLNode?, path: String, _ diagnostics: Diagnostics) -> [YAMLNode.Member] {
        guard let node, !node.isNull else { return [] }
        switch node.content {
        case .mapping(let members):
            return members
        case .unset:
            return []
        case .scalar, .sequence:
            diagnostics.error(at: node.position, "'\(path)' must be a mapping ('name: value' lines) and is \(node.kind)")
            return []
        }
    }

    /// The path of a member from the root.
    func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Whether the member is there, right or wrong.
    func has(_ name: String) -> Bool { members[name].map { !$0.value.isNull } ?? false }

    /// The value of a member that is there.
    func value(_ name: String) -> YAMLNode? { members[name].map(\.value).flatMap { $0.isNull ? nil : $0 } }

    /// The value at a path of names that starts in this section.
    func descendant(_ names: [String]) -> YAMLNode? {
        names.dropFirst().reduce(names.first.flatMap(value)) { node, name in
            guard case .mapping(let members)? = node?.content else { return nil }
            return members.first { $0.name == name }?.value
        }
    }

    /// The section that is a member of this one; without members when it is absent.
    func section(_ name: String, known: [String]) -> ConfigurationSection {
        ConfigurationSection(
            value(name), path: path(of: name), known: known, position: members[name]?.namePosition ?? position, diagnostics)
    }

    /// A single value, as its text.
    func scalar(_ name: String) -> (scalar: YAMLScalar, position: SourcePosition)? {
        value(name).flatMap { node in
            Self.scalar(node, called: "'\(path(of: name))'", diagnostics).map { ($0, node.position) }
        }
    }

    /// The text of a single value; nil also when it is empty, which is how files leave out what they list.
    func text(_ name: String) -> (text: String, position: SourcePosition)? {
        scalar(name).flatMap { $0.scalar.text.isEmpty ? nil : ($0.scalar.text, $0.position) }
    }

    /// The single values of a list.
    func list(_ name: String) -> [(scalar: YAMLScalar, position: SourcePosition)] {
        elements(name).compactMap { element in
            Self.scalar(element, called: "each entry of '\(path(of: name))'", diagnostics).map { ($0, element.position) }
        }
    }

    /// The elements of a list; empty when the member is absent or no list.
    func elements(_ name: String) -> [YAMLNode] {
        guard let node = value(name) else { return [] }
        switch node.content {
        case .sequence(let elements):
            return elements
        case .unset:
            return []
        case .scalar, .mapping:
            diagnostics.error(at: node.position, "'\(path(of: name))' must be a list ([ … ] or '- ' lines) and is \(node.kind)")
            return []
        }
    }

    private static func scalar(_ node: YAMLNode, called subject: String, _ diagnostics: Diagnostics) -> YAMLScalar? {
        switch node.content {
        case .scalar(let scalar):
            return scalar
        case .unset:
            return nil
        case .sequence, .mapping:
            diagnostics.error(at: node.position, "\(subject) must be a single value and is \(node.kind)")
            return nil
        }
    }
}

extension ConfigurationSection {
    /// A switch, as YAML 1.1 writes it; nil also when it is empty. `advice` says how to write this one.
    func boolean(_ name: String, advice: String = "true or false") -> Bool? {
        guard let (scalar, position) = scalar(name), !scalar.text.isEmpty else { return nil }
        if let value = Self.boolean(scalar.text) { return value }
        diagnostics.error(at: position, "'\(path(of: name))' is \(scalar.shown); write \(advice)")
        return nil
    }

    /// A length of time, zero or more.
    func duration(_ name: String) -> Duration? {
        guard let (scalar, position) = scalar(name) else { return nil }
        do throws(GoDuration.Problem) {
            return try GoDuration.parse(scalar.text)
        } catch {
            diagnostics.error(at: position, "'\(path(of: name))' is \(scalar.shown), \(error.message)")
            return nil
        }
    }

    /// A list of identities, with the place of each.
    func identities(_ name: String) -> [(identity: Identity, position: SourcePosition)] {
        list(name).compactMap { scalar, position in
            if let identity = Identity(scalar.text) { return (identity, position) }
            guard !refusesAPIKey(scalar.text, name, at: position) else { return nil }
            let advice =
                Identity(scalar.text.lowercased()) == nil
                ? "an identity is 64 hexadecimal digits, which 'kes identity of FILE' prints" : "write it in lower case"
            diagnostics.error(at: position, "\(scalar.shown) in '\(path(of: name))' is no identity; \(advice)")
            return nil
        }
    }

    /// Whether the text of a member that holds identities is an API key, which is an error that does not show it.
    func refusesAPIKey(_ text: String, _ name: String, at position: SourcePosition) -> Bool {
        guard APIKey.isLikely(text) else { return false }
        diagnostics.error(
            at: position,
            "an API key in '\(path(of: name))' where its identity belongs; it is secret: remove it from the file, and write what "
                + "'kes identity of APIKEY' prints")
        return true
    }

    /// The value of a YAML 1.1 boolean (https://yaml.org/type/bool.html) in any case, or nil.
    static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "on", "yes", "y": true
        case "false", "off", "no", "n": false
        default: nil
        }
    }
}
