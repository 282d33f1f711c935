import Credentials

/// Makes sure that each identity of a file has one role: with two, which one counts would depend on the order of checks.
struct IdentityRoles {
    enum Role: Equatable {
        case administrator
        case proxy
        case member(policy: String)

        var description: String {
            switch self {
            case .administrator: "the administrator"
            case .proxy: "a TLS proxy"
            case .member(let policy): "in policy '\(policy)'"
            }
        }
    }

    private let diagnostics: Diagnostics
    private var roles: [Identity: (role: Role, position: SourcePosition)] = [:]

    init(diagnostics: Diagnostics) {
        self.diagnostics = diagnostics
    }

    /// Where each identity is named first.
    var positions: [Identity: SourcePosition] { roles.mapValues(\.position) }

    /// Returns whether `identity` had no role yet. Says so when it has another one; the same one twice does no harm.
    @discardableResult
    mutating func add(_ identity: Identity, as role: Role, at position: SourcePosition) -> Bool {
        guard let first = roles[identity] else {
            roles[identity] = (role, position)
            return true
        }
        if first.role == role {
            diagnostics.warning(at: position, "the identity \(identity) is listed twice, first at line \(first.position.line)")
        } else {
            diagnostics.error(
                at: position,
                "the identity \(identity) is \(role.description) and, at line \(first.position.line), "
                    + "\(first.role.description); an identity has one role: remove it from one of the two")
        }
        return false
    }
}

extension Configuration {
    /// What the file says of an identity that is to be the administrator: `in policy 'app'`; nil when nothing, so that it may be.
    package func roleBesideAdministrator(of identity: Identity) -> String? {
        if tls.proxies.contains(identity) { return IdentityRoles.Role.proxy.description }
        let policy = policies.first { $0.identities.contains(identity) }
        return policy.map { IdentityRoles.Role.member(policy: $0.name).description }
    }
}
