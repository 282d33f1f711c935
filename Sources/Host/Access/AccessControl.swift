import Credentials

/// Who may do what: an immutable snapshot of the administrator, the policies and the identities that are assigned to them.
///
/// A change makes a new snapshot (see `AccessControl+Changes.swift`); whoever holds the old one goes on to see the old rules,
/// whole.
package struct AccessControl: Sendable {
    /// Who may call everything; nil when nobody may.
    package let admin: Identity?
    /// The TLS proxies: identities that forward others and can be assigned to no policy.
    let proxies: Set<Identity>
    /// By name.
    var policies: [String: Policy]
    var assignments: [Identity: Assignment]

    /// What an identity was assigned to.
    struct Assignment: Sendable {
        var policy: Policy
    }

    /// Compiles the policies of a configuration, in which no identity has two roles and no policy name occurs twice: the
    /// loader of the configuration saw to that. Were one to occur twice here, the last would count.
    package init(admin: Identity?, proxies: [Identity] = [], policies definitions: [PolicyDefinition]) {
        self.admin = admin
        self.proxies = Set(proxies)
        policies = [:]
        assignments = [:]
        for definition in definitions {
            let policy = Policy(
                name: definition.name, allow: definition.allow.map(Pattern.init), deny: definition.deny.map(Pattern.init))
            policies[policy.name] = policy
            for identity in definition.identities {
                assignments[identity] = Assignment(policy: policy)
            }
        }
    }

    /// Decides whether `identity` may call `path`, which is percent-decoded and without a query (see `RequestPath`).
    package func decide(_ identity: Identity, path: String) -> Decision {
        if identity == admin { return .admin }
        guard let policy = assignments[identity]?.policy else { return .denied(.unknownIdentity(identity)) }
        // A native string has contiguous storage; any other (there are none on Linux) is matched by way of a copy.
        return path.utf8.withContiguousStorageIfAvailable { policy.decide($0) }
            ?? Array(path.utf8).withUnsafeBufferPointer { policy.decide($0) }
    }
}
