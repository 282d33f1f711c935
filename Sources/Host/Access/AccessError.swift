/// Why a policy or an identity cannot be read or changed. The message is for the client.
package enum AccessError: Error, Equatable, Sendable, CustomStringConvertible {
    case policyDoesNotExist
    case identityDoesNotExist
    /// A policy of that name is part of the configuration, which no request changes.
    case policyAlreadyExists
    case configuredPolicyCannotBeDeleted
    case administratorCannotBeAssigned
    case proxyCannotBeAssigned
    case administratorCannotBeDeleted
    case notAnIdentity
    /// Not any more: the author had the right when the request came.
    case notAuthorized
    /// What `RuleLimits` does not let requests write.
    case patternTooLong, patternNotAllowed, tooManyPatterns, tooManyPolicies, tooManyAssignments

    package var message: String {
        switch self {
        case .policyDoesNotExist: "policy does not exist"
        case .identityDoesNotExist: "identity does not exist"
        case .policyAlreadyExists: "policy already exists"
        case .configuredPolicyCannotBeDeleted: "policy is part of the server's configuration and cannot be deleted"
        case .administratorCannotBeAssigned: "the admin identity cannot be assigned to a policy"
        case .proxyCannotBeAssigned: "the identity of a TLS proxy cannot be assigned to a policy"
        case .administratorCannotBeDeleted: "the admin identity cannot be deleted"
        case .notAnIdentity: "an identity is the SHA-256 of a public key, as 64 lower-case hexadecimal digits"
        case .notAuthorized: "not authorized: insufficient permissions"
        case .patternTooLong: "a pattern has at most \(RuleLimits.patternLength) bytes, as paths have"
        case .patternNotAllowed: "a pattern holds a character that no path has, such as a control character"
        case .tooManyPatterns: "a policy has at most \(RuleLimits.patterns) patterns; a '*' in a pattern stands for many names"
        case .tooManyPolicies:
            "requests have written all that the server keeps; delete policies, or put them into its configuration"
        case .tooManyAssignments:
            "requests have assigned \(RuleLimits.assignments) identities, as many as the server keeps; put them into its configuration"
        }
    }

    /// The HTTP status that goes with the message.
    package var status: Int {
        switch self {
        case .policyDoesNotExist, .identityDoesNotExist: 404
        case .notAuthorized: 403
        case .policyAlreadyExists, .configuredPolicyCannotBeDeleted, .administratorCannotBeAssigned, .proxyCannotBeAssigned,
            .administratorCannotBeDeleted, .notAnIdentity, .patternTooLong, .patternNotAllowed, .tooManyPatterns,
            .tooManyPolicies, .tooManyAssignments:
            400
        }
    }

    package var description: String { message }
}
