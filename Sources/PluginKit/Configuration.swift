import PluginAPI

/// A section of the keystore's configuration: an object of the JSON text that the server hands over.
///
/// It may hold credentials: the text is kept in memory that is wiped when the last copy of the section goes, and `secret`
/// reads a member without leaving it anywhere else. Messages name members, never their values.
public struct Configuration: Sendable {
    private let text: JSONText
    private let members: [JSONText.Member]
    /// The dotted path of this section, with a dot behind it; empty for the whole.
    private let path: String

    /// Reads a JSON text (RFC 8259). `null` stands for an empty section.
    package init(json: RawSpan) throws(KeystoreError) {
        let text = JSONText(copying: json)
        switch try text.parse() {
        case .object(let members): self.init(text, members, "")
        case .null: self.init(text, [], "")
        case .boolean, .number, .string, .array:
            throw .invalid("the configuration of the keystore must be a section of members")
        }
    }

    private init(_ text: JSONText, _ members: [JSONText.Member], _ path: String) {
        self.text = text
        self.members = members
        self.path = path
    }

    /// Throws `invalid` when the section has a member that is not in `known`.
    package func checkMembers(_ known: [String]) throws(KeystoreError) {
        guard let stranger = members.first(where: { !known.contains($0.name) }) else { return }
        let list = known.isEmpty ? "none are known" : "known are: \(known.map { path + $0 }.joined(separator: ", "))"
        throw .invalid("unknown member `\(path)\(stranger.name)` in the configuration of the keystore; \(list)")
    }

    /// Whether the member is there and is not `null`.
    public func has(_ name: String) -> Bool { value(name) != nil }

    /// The text of a member that must be there.
    public func string(_ name: String) throws(KeystoreError) -> String {
        let text = try secret(name).withUnsafeBytes { bytes in
            String(validating: bytes, as: UTF8.self)
        }
        guard let text else { throw .invalid("`\(path)\(name)` in the configuration of the keystore is not UTF-8") }
        return text
    }

    /// The UTF-8 of a text member that must be there, in memory that is wiped. For credentials.
    public func secret(_ name: String) throws(KeystoreError) -> SecretValue {
        guard case .string(let range) = try required(name, "a text") else { throw mistyped(name, "a text") }
        return text.decode(range)
    }

    /// A whole number that must be there.
    public func integer(_ name: String) throws(KeystoreError) -> Int {
        guard case .number(let range) = try required(name, "a whole number"), let number = text.integer(range) else {
            throw mistyped(name, "a whole number")
        }
        return number
    }

    /// `true` or `false`, which must be there.
    public func boolean(_ name: String) throws(KeystoreError) -> Bool {
        guard case .boolean(let value) = try required(name, "true or false") else { throw mistyped(name, "true or false") }
        return value
    }

    /// A section that must be there, with no members but `members`.
    public func section(_ name: String, members known: [String]) throws(KeystoreError) -> Configuration {
        guard case .object(let members) = try required(name, "a section") else { throw mistyped(name, "a section") }
        let section = Configuration(text, members, path + name + ".")
        try section.checkMembers(known)
        return section
    }

    private func value(_ name: String) -> JSONText.Value? {
        guard let member = members.first(where: { $0.name == name }) else { return nil }
        if case .null = member.value { return nil }
        return member.value
    }

    private func required(_ name: String, _ type: String) throws(KeystoreError) -> JSONText.Value {
        guard let value = value(name) else {
            throw .invalid("`\(path)\(name)` (\(type)) is missing from the configuration of the keystore")
        }
        return value
    }

    private func mistyped(_ name: String, _ type: String) -> KeystoreError {
        .invalid("`\(path)\(name)` in the configuration of the keystore must be \(type)")
    }
}
