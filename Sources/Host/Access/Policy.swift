import Credentials

/// A policy, ready to decide about paths.
///
/// A class, so that all identities of a policy share one and the decision copies a reference only. It never changes.
package final class Policy: Sendable {
    package let name: String
    package let allow: [Pattern]
    package let deny: [Pattern]

    package init(name: String, allow: [Pattern], deny: [Pattern]) {
        self.name = name
        self.allow = allow
        self.deny = deny
    }

    /// What the policy says about the path with these UTF-8 bytes: a `deny` pattern wins over any `allow` pattern, and what no
    /// pattern allows is denied.
    func decide(_ path: UnsafeBufferPointer<UInt8>) -> Decision {
        for pattern in deny where pattern.matches(path) {
            return .denied(.deniedByPattern(pattern.text, policy: name))
        }
        for pattern in allow where pattern.matches(path) {
            return .allowed(policy: name)
        }
        return .denied(.noPatternAllows(policy: name))
    }
}

/// Whether a request may go on, and which rule decided.
package enum Decision: Sendable, Equatable {
    /// The administrator may call everything.
    case admin
    case allowed(policy: String)
    case denied(Reason)

    /// The rule that denied a request: for the error log and never for the client, which learns nothing about policies.
    package enum Reason: Sendable, Equatable, CustomStringConvertible {
        case unknownIdentity(Identity)
        case deniedByPattern(String, policy: String)
        case noPatternAllows(policy: String)

        package var description: String {
            switch self {
            case .unknownIdentity(let identity): "identity \(identity) is not in any policy"
            case .deniedByPattern(let pattern, let policy): "policy '\(policy)' denies '\(pattern)'"
            case .noPatternAllows(let policy): "no allow pattern of policy '\(policy)' matches"
            }
        }
    }
}
