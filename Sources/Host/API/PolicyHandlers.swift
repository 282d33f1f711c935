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

/// A change of the rules by a request.
struct RuleChange {
    /// What is done, for the error log.
    var summary: String
    var apply: (AccessControl) throws(AccessError) -> AccessControl

    init(_ summary: String, _ apply: @escaping (AccessControl) throws(AccessError) -> AccessControl) {
        self.summary = summary
        self.apply = apply
    }
}

extension Outcome {
    /// An answer that is one JSON object, or the error that `body` throws.
    static func answer(_ api: API, _ body: (inout JSONWriter) throws -> Void) -> Outcome {
        do {
            var writer = JSONWriter()
            try writer.object(body)
            return .ready(.json(writer.buffer))
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }

    /// Carries out the change that `prepare` makes of a request, and answers when it is in force on every event loop.
    static func ruleChange(_ request: Request, _ api: API, _ prepare: (_ author: Identity) throws -> RuleChange) -> Outcome {
        // Only where the configuration lets anyone call the route.
        guard let author = request.caller?.identity else {
            return .ready(.error(400, "tls: client certificate is required"))
        }
        do {
            let change = try prepare(author)
            let done = try api.workers.changeRules(from: api, on: request.eventLoop, change.apply)
            api.logger.info("\(change.summary)", metadata: ["identity": "\(author)"])
            return .pending(done.map { .empty(200) })
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }
}
