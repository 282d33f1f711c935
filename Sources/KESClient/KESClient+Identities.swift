/// What a server knows about an identity.
public struct IdentityDescription: Sendable, Equatable, Decodable {
    /// The administrator may call everything and has no policy.
    public let isAdmin: Bool
    /// The policy that it is assigned to; nil for the administrator.
    public let policy: String?
    public let createdAt: Timestamp
    /// The identity of who assigned it; nil for the administrator.
    public let createdBy: String?

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        isAdmin = try container.decodeIfPresent(Bool.self, forKey: .admin) ?? false
        // Servers leave members out or send empty ones.
        policy = try container.decodeIfPresent(String.self, forKey: .policy).flatMap { $0.isEmpty ? nil : $0 }
        createdAt = try container.decode(Timestamp.self, forKey: .created_at)
        createdBy = try container.decodeIfPresent(String.self, forKey: .created_by).flatMap { $0.isEmpty ? nil : $0 }
    }

    private enum CodingKeys: CodingKey {
        case admin
        case policy
        case created_at
        case created_by
    }
}

/// What a server knows about its caller.
public struct SelfDescription: Sendable, Equatable, Decodable {
    public let identity: String
    public let description: IdentityDescription
    /// The caller's policy; nil for the administrator.
    public let policy: Policy?

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        identity = try container.decode(String.self, forKey: .identity)
        policy = try container.decodeIfPresent(Policy.self, forKey: .policy)
        description = try SelfDescription.describe(container, policy: policy?.name)
    }

    private static func describe(
        _ container: KeyedDecodingContainer<CodingKeys>, policy: String?
    ) throws -> IdentityDescription {
        IdentityDescription(
            isAdmin: try container.decodeIfPresent(Bool.self, forKey: .admin) ?? false,
            policy: policy,
            createdAt: try container.decode(Timestamp.self, forKey: .created_at),
            createdBy: try container.decodeIfPresent(String.self, forKey: .created_by).flatMap { $0.isEmpty ? nil : $0 })
    }

    private enum CodingKeys: CodingKey {
        case identity
        case admin
        case policy
        case created_at
        case created_by
    }
}

extension IdentityDescription {
    init(isAdmin: Bool, policy: String?, createdAt: Timestamp, createdBy: String?) {
        self.isAdmin = isAdmin
        self.policy = policy
        self.createdAt = createdAt
        self.createdBy = createdBy
    }
}

extension KESClient {
    /// Who the caller is to the server, and what it may do. It needs no permission.
    public func describeSelf() async throws(KESError) -> SelfDescription {
        try JSONReply.decode(SelfDescription.self, from: try await get(RequestPath("/v1/identity/self/describe")))
    }

    /// What the server knows about an identity, 64 hexadecimal digits.
    public func describeIdentity(_ identity: String) async throws(KESError) -> IdentityDescription {
        try JSONReply.decode(IdentityDescription.self, from: try await get(RequestPath("/v1/identity/describe/", identity)))
    }

    /// The identities that start with `prefix`, the administrator's included.
    public func listIdentities(prefix: String = "") -> NameListing {
        NameListing(prefix: prefix) { (pattern) async throws(KESError) in try await self.identityPage(pattern) }
    }

    /// One page of identities: the first one for a prefix, or the one that follows another, by its `continueAt`.
    public func identityPage(_ pattern: String = "") async throws(KESError) -> NamePage {
        let reply = try await get(RequestPath("/v1/identity/list/", pattern))
        return try JSONReply.decode(NamedPage.self, from: reply).page
    }

    /// Takes an identity from its policy, so that it may do nothing any more.
    public func deleteIdentity(_ identity: String) async throws(KESError) {
        try await delete(RequestPath("/v1/identity/delete/", identity))
    }
}
