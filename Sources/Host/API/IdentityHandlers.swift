import Credentials
import NIOCore

/// Who is who.
enum IdentityHandlers {
    static func describe(_ request: Request, _ api: API) -> Outcome {
        .answer(api) { answer in
            switch try api.accessControl.member(identity(request)) {
            case .administrator(let createdAt):
                answer.member("admin", true)
                answer.member("created_at", createdAt.description)
            case .assigned(let policy, let origin):
                answer.member("policy", policy.name)
                answer.write(origin)
            }
        }
    }

    /// Tells callers what they are here. Needs no policy: an identity may always know itself.
    static func describeSelf(_ request: Request, _ api: API) -> Outcome {
        guard let caller = request.caller else {
            return .ready(.error(400, "tls: client certificate is required"))
        }
        return .answer(api) { answer in
            let member = try api.accessControl.member(caller.identity)
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
    }

    static func list(_ request: Request, _ api: API) -> Outcome {
        .answer(api) { answer in
            answer.write(api.accessControl.identities(try ListPattern(String(request.argument))), as: "identities")
        }
    }

    static func delete(_ request: Request, _ api: API) -> Outcome {
        .ruleChange(request, api) { _ in
            let identity = try identity(request)
            return RuleChange("took identity \(identity) from its policy") { rules throws(AccessError) in
                try rules.deleting(identity)
            }
        }
    }

    /// A name that is no digest is allowed, and is nobody's.
    private static func identity(_ request: Request) throws -> Identity {
        let text = try Names.check(String(request.argument), as: .identity)
        guard let identity = Identity(text) else { throw AccessError.identityDoesNotExist }
        return identity
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
