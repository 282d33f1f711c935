import NIOCore

/// Policies and identities as a client reads them.
extension JSONWriter {
    /// The members of a policy, as a client reads it.
    mutating func write(_ policy: Policy) {
        member("name", policy.name)
        if !policy.allow.patterns.isEmpty { member("allow", object: { $0.write(policy.allow) }) }
        if !policy.deny.patterns.isEmpty { member("deny", object: { $0.write(policy.deny) }) }
        write(policy.origin)
    }

    /// When and by whom something was made. Clients expect both members, also where there is no administrator.
    mutating func write(_ origin: RuleOrigin) {
        member("created_at", origin.createdAt.description)
        member("created_by", origin.createdBy?.description ?? "")
    }

    /// A page of names and where the next one continues, which is empty on the last one.
    mutating func write(_ page: AccessControl.Page, as name: StaticString) {
        member(name, array: { list in page.names.forEach { list.string($0) } })
        member("continue_at", page.continueAt ?? "")
    }

    /// Patterns are members of an object, each with an empty object as its value.
    private mutating func write(_ patterns: PatternList) {
        for pattern in patterns.patterns { member(escaping: pattern.text, object: { _ in }) }
    }
}
