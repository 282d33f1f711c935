import Credentials
import NIOCore

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
    /// Carries out the change that `prepare` makes of a request, and answers when it is in force on every event loop.
    static func ruleChange(_ request: Request, _ api: API, _ prepare: (_ author: Identity) throws -> RuleChange) -> Outcome {
        // Only where the configuration lets anyone call the route.
        guard let author = request.caller?.identity else {
            return .ready(.error(400, "tls: client certificate is required"))
        }
        do {
            let change = try prepare(author)
            let path = request.path
            let done = try api.workers.changeRules(
                from: api, on: request.eventLoop, isAllowed: { $0.allows(author, path: path) }, change.apply)
            api.logger.notice("\(change.summary)", metadata: ["identity": "\(author)"])
            return .pending(done.map { .empty(200) })
        } catch AccessError.notAuthorized {
            api.logger.info(
                "request refused: the right to it was taken away while it came",
                metadata: ["path": "\(APIKey.masked(in: request.path))", "identity": "\(author)"])
            return .ready(APIError.response(for: AccessError.notAuthorized, api))
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }
}
