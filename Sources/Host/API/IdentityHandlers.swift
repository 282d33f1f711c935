import NIOCore

/// Who is who.
enum IdentityHandlers {
    /// Tells callers what they are here. Needs no policy: an identity may always know itself.
    static func describeSelf(_ request: Request, _ api: API) -> Outcome {
        guard let caller = request.caller else {
            return .ready(.error(400, "tls: client certificate is required"))
        }
        do {
            let member = try api.accessControl.member(caller.identity)
            var writer = JSONWriter()
            writer.object { answer in
                answer.member("identity", caller.identity.description)
                switch member {
                case .administrator(let createdAt):
                    answer.member("admin", true)
                    answer.member("created_at", createdAt.description)
                case .assigned(let policy, let origin):
                    answer.write(origin)
                    answer.member("policy", object: { $0.write(policy) })
                }
            }
            return .ready(.json(writer.buffer))
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }
}

extension JSONWriter {
    /// The members of a policy, as a client reads it.
    mutating func write(_ policy: Policy) {
        member("name", policy.name)
        if !policy.allow.patterns.isEmpty { member("allow", object: { $0.write(policy.allow) }) }
        if !policy.deny.patterns.isEmpty { member("deny", object: { $0.write(policy.deny) }) }
        write(policy.origin)
    }

    /// When and by whom something was made.
    mutating func write(_ origin: RuleOrigin) {
        member("created_at", origin.createdAt.description)
        if let createdBy = origin.createdBy { member("created_by", createdBy.description) }
    }

    /// Patterns are members of an object, each with an empty object as its value.
    private mutating func write(_ patterns: PatternList) {
        for pattern in patterns.patterns { member(escaping: pattern.text, object: { _ in }) }
    }
}
