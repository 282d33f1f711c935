/// What requests may make of the rules. Those of the configuration file are not limited: whoever writes it owns the server.
///
/// Whoever may write policies must not be able to take the server's time, since each pattern is tried on each request, or its memory.
enum RuleLimits {
    /// Bytes of a pattern. No path is longer.
    static let patternLength = RequestPath.maximumLength
    /// Patterns of a policy, on both sides together.
    static let patterns = 1000
    /// Bytes of all policies that requests have written, as `memory(of:)` estimates them.
    static let memory = 16 << 20
    /// Identities that requests have assigned.
    static let assignments = 10_000

    /// Refuses patterns that no request may write.
    static func check(_ patterns: [String]...) throws(AccessError) {
        let patterns = patterns.joined()
        guard patterns.count <= Self.patterns else { throw .tooManyPatterns }
        for pattern in patterns {
            guard pattern.utf8.count <= patternLength else { throw .patternTooLong }
            // No path of an API has such characters, and on a terminal they can make a rule look like another.
            guard OperatorText.isPlain(pattern) else { throw .patternNotAllowed }
        }
    }

    /// About what a policy takes.
    static func memory(of policy: Policy) -> Int {
        policy.allow.memory + policy.deny.memory + 1024
    }
}
