import Credentials

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
