import Credentials
import NIOCore

/// Policies: reading those in force, and making ephemeral ones.
enum PolicyHandlers {
    static func read(_ request: Request, _ api: API) -> Outcome {
        .answer(api) { answer in answer.write(try policy(request, api)) }
    }

    static func describe(_ request: Request, _ api: API) -> Outcome {
        .answer(api) { answer in
            let policy = try policy(request, api)
            answer.member("name", policy.name)
            answer.write(policy.origin)
        }
    }

    static func list(_ request: Request, _ api: API) -> Outcome {
        .answer(api) { answer in
            answer.write(api.accessControl.policyNames(try ListPattern(String(request.argument))), as: "names")
        }
    }

    static func write(_ request: Request, _ api: API) -> Outcome {
        .ruleChange(request, api) { author in
            let name = try Names.check(String(request.argument), as: .policy)
            let body = try PolicyBody(request.body)
            let time = api.now()
            return RuleChange("wrote policy '\(name)'") { rules throws(AccessError) in
                try rules.writing(policy: name, allow: body.allow, deny: body.deny, by: author, at: time)
            }
        }
    }

    static func assign(_ request: Request, _ api: API) -> Outcome {
        .ruleChange(request, api) { author in
            let name = try Names.check(String(request.argument), as: .policy)
            let text = try Names.check(AssignmentBody(request.body).identity, as: .identity)
            // A name that is no digest would be accepted for ever and be nobody.
            guard let identity = Identity(text) else { throw AccessError.notAnIdentity }
            let time = api.now()
            return RuleChange("assigned identity \(identity) to policy '\(name)'") { rules throws(AccessError) in
                try rules.assigning(identity, toPolicy: name, by: author, at: time)
            }
        }
    }

    static func delete(_ request: Request, _ api: API) -> Outcome {
        .ruleChange(request, api) { _ in
            let name = try Names.check(String(request.argument), as: .policy)
            return RuleChange("deleted policy '\(name)'") { rules throws(AccessError) in
                try rules.deletingPolicy(named: name)
            }
        }
    }

    private static func policy(_ request: Request, _ api: API) throws -> Policy {
        try api.accessControl.policy(named: Names.check(String(request.argument), as: .policy))
    }
}
