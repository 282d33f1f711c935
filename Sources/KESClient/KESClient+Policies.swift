/// What the identities that are assigned to a policy may do: what a pattern in `allow` matches and none in `deny`.
public struct Policy: Sendable, Equatable, Decodable {
    public let name: String?
    /// Path patterns such as `/v1/key/create/my-app*`, sorted.
    public let allow: [String]
    /// Path patterns, sorted.
    public let deny: [String]
    public let createdAt: Timestamp?
    /// The identity of who wrote it.
    public let createdBy: String?

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        allow = try container.decodeIfPresent(PatternSet.self, forKey: .allow)?.patterns ?? []
        deny = try container.decodeIfPresent(PatternSet.self, forKey: .deny)?.patterns ?? []
        createdAt = try container.decodeIfPresent(Timestamp.self, forKey: .created_at)
        createdBy = try container.decodeIfPresent(String.self, forKey: .created_by).flatMap { $0.isEmpty ? nil : $0 }
    }

    private enum CodingKeys: CodingKey {
        case name
        case allow
        case deny
        case created_at
        case created_by
    }
}

/// What a server tells about a policy without saying what it allows.
public struct PolicyDescription: Sendable, Equatable, Decodable {
    public let name: String
    public let createdAt: Timestamp
    /// The identity of who wrote it.
    public let createdBy: String

    private enum CodingKeys: String, CodingKey {
        case name
        case createdAt = "created_at"
        case createdBy = "created_by"
    }
}

/// Patterns as the members of an object, or as an array.
struct PatternSet: Decodable {
    let patterns: [String]

    init(from decoder: any Decoder) throws {
        if var array = try? decoder.unkeyedContainer() {
            var patterns: [String] = []
            while !array.isAtEnd { patterns.append(try array.decode(String.self)) }
            self.patterns = patterns.sorted()
        } else {
            patterns = try decoder.container(keyedBy: Member.self).allKeys.map(\.stringValue).sorted()
        }
    }

    private struct Member: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) {
            nil
        }
    }
}

extension KESClient {
    /// The policy `name` with its patterns.
    public func readPolicy(_ name: String) async throws(KESError) -> Policy {
        try JSONReply.decode(Policy.self, from: try await get(RequestPath("/v1/policy/read/", name)))
    }

    /// Who made the policy `name`, and when.
    public func describePolicy(_ name: String) async throws(KESError) -> PolicyDescription {
        try JSONReply.decode(PolicyDescription.self, from: try await get(RequestPath("/v1/policy/describe/", name)))
    }

    /// The names of the policies that start with `prefix`.
    public func listPolicies(prefix: String = "") -> NameListing {
        NameListing(prefix: prefix) { (pattern) async throws(KESError) in try await self.policyPage(pattern) }
    }

    /// One page of policy names: the first one for a prefix, or the one that follows another, by its `continueAt`.
    public func policyPage(_ pattern: String = "") async throws(KESError) -> NamePage {
        let reply = try await get(RequestPath("/v1/policy/list/", pattern))
        return try JSONReply.decode(NamedPage.self, from: reply).page
    }

    /// Creates or replaces the policy `name`. It lasts until the server restarts or reloads its configuration.
    public func writePolicy(_ name: String, allow: [String], deny: [String] = []) async throws(KESError) {
        let body = JSONText.object([("allow", Self.patternSet(allow)), ("deny", Self.patternSet(deny))])
        _ = try await put(RequestPath("/v1/policy/write/", name), SecretText.assemble([.plain(body)]), repeatable: true)
    }

    /// Assigns an identity to the policy `name` and takes it from any other.
    public func assignPolicy(_ name: String, to identity: String) async throws(KESError) {
        let body = JSONText.object([("identity", JSONText.string(identity))])
        _ = try await put(RequestPath("/v1/policy/assign/", name), SecretText.assemble([.plain(body)]), repeatable: true)
    }

    /// Deletes the policy `name`; its identities may do nothing any more.
    public func deletePolicy(_ name: String) async throws(KESError) {
        try await delete(RequestPath("/v1/policy/delete/", name))
    }

    // The patterns as members of an object: what every server understands.
    private static func patternSet(_ patterns: [String]) -> String {
        JSONText.object(Set(patterns).sorted().map { ($0, "{}") })
    }
}
