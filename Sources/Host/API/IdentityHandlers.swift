import Credentials
import NIOCore

/// Who is who.
enum IdentityHandlers {
    /// Tells callers what they are here. Needs no policy: an identity may always know itself.
    static func describeSelf(_ request: Request, _ api: API) -> Outcome {
        guard let caller = request.caller else {
            return .ready(.error(400, "tls: client certificate is required"))
        }
        let createdAt = api.startTime.description
        let admin = api.accessControl.admin?.description
        var writer = JSONWriter()
        if caller.isAdmin {
            writer.object { answer in
                answer.member("identity", caller.identity.description)
                answer.member("admin", true)
                answer.member("created_at", createdAt)
            }
        } else if let policy = api.accessControl.policy(of: caller.identity) {
            writer.object { answer in
                answer.member("identity", caller.identity.description)
                answer.member("created_at", createdAt)
                if let admin { answer.member("created_by", admin) }
                answer.member("policy", object: { write(policy, createdAt: createdAt, createdBy: admin, into: &$0) })
            }
        } else {
            return .ready(.error(404, "identity does not exist"))
        }
        return .ready(.json(writer.buffer))
    }

    private static func write(_ policy: Policy, createdAt: String, createdBy: String?, into answer: inout JSONWriter) {
        answer.member("name", policy.name)
        if !policy.allow.isEmpty { answer.member("allow", object: { write(policy.allow, into: &$0) }) }
        if !policy.deny.isEmpty { answer.member("deny", object: { write(policy.deny, into: &$0) }) }
        answer.member("created_at", createdAt)
        if let createdBy { answer.member("created_by", createdBy) }
    }

    /// Patterns are members of an object, each with an empty object as its value.
    private static func write(_ patterns: [Pattern], into answer: inout JSONWriter) {
        for pattern in patterns { answer.member(escaping: pattern.text, object: { _ in }) }
    }
}

extension AccessControl {
    /// The policy that an identity is assigned to.
    fileprivate func policy(of identity: Identity) -> Policy? { assignments[identity]?.policy }
}
