import Credentials
import Envelope

/// Changes by requests. Each gives a new snapshot and leaves this one as it is. They last until the server restarts or reads
/// its configuration again, which starts from a new `AccessControl`.
extension AccessControl {
    /// Creates the ephemeral policy `name`, or replaces it: the identities that are assigned to it stay. `RuleLimits` hold.
    ///
    /// - Parameters:
    ///   - name: follows the rule for names.
    ///   - allow: path patterns, as are those of `deny`.
    ///   - identity: who asks for it.
    package func writing(
        policy name: String, allow: [String], deny: [String], by identity: Identity, at time: Timestamp
    ) throws(AccessError) -> AccessControl {
        if let existing = policies[name], !existing.origin.isEphemeral { throw .policyAlreadyExists }
        try RuleLimits.check(allow, deny)
        let policy = Policy(
            name: name, allow: allow, deny: deny, origin: RuleOrigin(createdAt: time, createdBy: identity, isEphemeral: true))
        let others = policies.values.lazy.filter { $0.origin.isEphemeral && $0.name != name }.map(RuleLimits.memory)
        guard others.reduce(RuleLimits.memory(of: policy), +) <= RuleLimits.memory else { throw .tooManyPolicies }
        var changed = self
        changed.policies[name] = policy
        for (member, assignment) in assignments where assignment.policy.name == name {
            changed.assignments[member]?.policy = policy
        }
        return changed
    }

    /// Assigns `identity` to the policy `name`, taking it from any other.
    package func assigning(
        _ identity: Identity, toPolicy name: String, by author: Identity, at time: Timestamp
    ) throws(AccessError) -> AccessControl {
        guard identity != admin else { throw .administratorCannotBeAssigned }
        guard !proxies.contains(identity) else { throw .proxyCannotBeAssigned }
        let policy = try policy(named: name)
        let others = assignments.count { $0.value.origin.isEphemeral && $0.key != identity }
        guard others < RuleLimits.assignments else { throw .tooManyAssignments }
        var changed = self
        changed.assignments[identity] = Assignment(
            policy: policy, origin: RuleOrigin(createdAt: time, createdBy: author, isEphemeral: true))
        return changed
    }

    /// Deletes the ephemeral policy `name`. Its identities are in no policy then.
    package func deletingPolicy(named name: String) throws(AccessError) -> AccessControl {
        guard try policy(named: name).origin.isEphemeral else { throw .configuredPolicyCannotBeDeleted }
        var changed = self
        changed.policies[name] = nil
        changed.assignments = assignments.filter { $0.value.policy.name != name }
        return changed
    }

    /// Takes `identity` from its policy, also when the configuration file assigned it.
    package func deleting(_ identity: Identity) throws(AccessError) -> AccessControl {
        guard identity != admin else { throw .administratorCannotBeDeleted }
        var changed = self
        guard changed.assignments.removeValue(forKey: identity) != nil else { throw .identityDoesNotExist }
        return changed
    }
}
