import Credentials
import Envelope

/// A policy, ready to decide about paths.
///
/// A class, so that all identities of a policy share one and the decision copies a reference only. It never changes.
package final class Policy: Sendable {
    package let name: String
    package let allow: PatternList
    package let deny: PatternList
    package let origin: RuleOrigin

    package init(name: String, allow: [String], deny: [String], origin: RuleOrigin) {
        self.name = name
        self.allow = PatternList(allow)
        self.deny = PatternList(deny)
        self.origin = origin
    }

    /// What the policy says about the path with these UTF-8 bytes: a `deny` pattern wins over any `allow` pattern, and what no
    /// pattern allows is denied.
    func decide(_ path: UnsafeBufferPointer<UInt8>) -> Decision {
        if let index = deny.firstMatch(path) { return .denied(.deniedByPattern(deny.patterns[index].text, policy: name)) }
        return allow.firstMatch(path) == nil ? .denied(.noPatternAllows(policy: name)) : .allowed(policy: name)
    }
}

/// Where a policy or the assignment of an identity comes from.
package struct RuleOrigin: Sendable, Equatable {
    /// When it was made; for what the configuration file holds, when the server started.
    package let createdAt: Timestamp
    /// Who made it: for what the configuration file holds, the administrator, or nil when there is none.
    package let createdBy: Identity?
    /// Whether it was made by a request, and is lost when the server restarts or reads its configuration again.
    package let isEphemeral: Bool

    package init(createdAt: Timestamp, createdBy: Identity?, isEphemeral: Bool) {
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.isEphemeral = isEphemeral
    }
}
