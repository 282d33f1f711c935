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
