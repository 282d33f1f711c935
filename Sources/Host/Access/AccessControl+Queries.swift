import Credentials
import Envelope

extension AccessControl {
    /// What is known about an identity.
    package enum Member: Sendable {
        /// The administrator, since the server started.
        case administrator(createdAt: Timestamp)
        /// An identity with a policy, and the origin of its assignment.
        case assigned(Policy, RuleOrigin)
    }

    /// One page of a listing.
    package struct Page: Sendable, Equatable {
        /// Sorted bytewise.
        package var names: [String]
        /// What to ask for to get the next page; nil on the last one.
        package var continueAt: String?
    }

    /// The most names on a page.
    package static let pageSize = 1000

    package func policy(named name: String) throws(AccessError) -> Policy {
        guard let policy = policies[name] else { throw .policyDoesNotExist }
        return policy
    }

    package func member(_ identity: Identity) throws(AccessError) -> Member {
        if identity == admin { return .administrator(createdAt: startedAt) }
        guard let assignment = assignments[identity] else { throw .identityDoesNotExist }
        return .assigned(assignment.policy, assignment.origin)
    }

    /// The names of the policies that `pattern` asks for.
    package func policyNames(_ pattern: ListPattern, limit: Int = pageSize) -> Page {
        Self.page(policies.keys, pattern, limit)
    }

    /// The identities that `pattern` asks for, in hexadecimal, the administrator included.
    package func identities(_ pattern: ListPattern, limit: Int = pageSize) -> Page {
        var identities = assignments.keys.map(\.description)
        if let admin { identities.append(admin.description) }
        return Self.page(identities, pattern, limit)
    }

    private static func page(_ names: some Sequence<String>, _ pattern: ListPattern, _ limit: Int) -> Page {
        // Names are ASCII, for which the order of strings is that of their bytes.
        let wanted = names.filter { $0.utf8.starts(with: pattern.prefix.utf8) && $0 > (pattern.after ?? "") }.sorted()
        let page = Array(wanted.prefix(limit))
        let continueAt = page.count < wanted.count ? page.last.map(pattern.token(after:)) : nil
        return Page(names: page, continueAt: continueAt)
    }
}
