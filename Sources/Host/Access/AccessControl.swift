import Credentials
import Envelope

/// Who may do what: an immutable snapshot of the administrator, the policies and the identities that are assigned to them.
///
/// A change makes a new snapshot (see `AccessControl+Changes.swift`); whoever holds the old one goes on to see the old rules,
/// whole. The lookups for the API's answers are in `AccessControl+Queries.swift`.
package struct AccessControl: Sendable {
    /// Who may call everything; nil when nobody may.
    package let admin: Identity?
    /// The TLS proxies: identities that forward others and can be assigned to no policy.
    let proxies: Set<Identity>
    /// When the server started, which is when everything in the configuration file was made.
    let startedAt: Timestamp
    /// By name.
    var policies: [String: Policy]
    var assignments: [Identity: Assignment]

    /// What an identity was assigned to.
    struct Assignment: Sendable {
        var policy: Policy
        var origin: RuleOrigin
    }

    /// Compiles the policies of a configuration, in which no identity has two roles and no policy name occurs twice: the
    /// loader of the configuration saw to that. Were one to occur twice here, the last would count.
    package init(admin: Identity?, proxies: [Identity] = [], policies definitions: [PolicyDefinition], startedAt: Timestamp) {
        self.admin = admin
        self.proxies = Set(proxies)
        self.startedAt = startedAt
        policies = [:]
        assignments = [:]
        let origin = RuleOrigin(createdAt: startedAt, createdBy: admin, isEphemeral: false)
        for definition in definitions {
            let policy = Policy(name: definition.name, allow: definition.allow, deny: definition.deny, origin: origin)
            policies[policy.name] = policy
            for identity in definition.identities {
                assignments[identity] = Assignment(policy: policy, origin: origin)
            }
        }
    }

    /// The rules of a configuration.
    package init(_ configuration: Configuration, startedAt: Timestamp) {
        self.init(
            admin: configuration.admin, proxies: configuration.tls.proxies, policies: configuration.policies, startedAt: startedAt
        )
    }

    /// Decides whether `identity` may call `path`, which is percent-decoded and without a query (see `RequestPath`).
    // Inlined, because it is called for every request, and a call would pass a copy of all the rules' references.
    @inline(__always)
    package func decide(_ identity: Identity, path: String) -> Decision {
        if identity == admin { return .admin }
        guard let policy = assignments[identity]?.policy else { return .denied(.unknownIdentity(identity)) }
        // Native strings, which all strings on Linux are, lend their bytes: nothing is copied.
        var path = path
        return path.withUTF8 { policy.decide($0) }
    }
}
