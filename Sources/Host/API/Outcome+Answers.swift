import Envelope
import NIOCore

/// What handlers of several areas do alike.
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

    /// Answers with the key that the request names: at once when it is in the cache, else when the keystore has given it.
    ///
    /// - Parameter respond: Gets all that it needs as parameters: a closure without captures costs no allocation.
    static func withKey(
        _ request: Request, _ api: API, _ respond: @escaping (_ request: Request, _ name: String, _ key: Key) throws -> Response
    ) -> Outcome {
        do {
            let name = try Names.check(String(request.argument), as: .key)
            if let key = api.keyring.cached(name) { return .ready(try respond(request, name, key)) }
            let fetched = api.keyring.key(name, timeout: request.timeout, on: request.eventLoop).assumeIsolated()
            return .pending(
                fetched.flatMapThrowing { try respond(request, name, $0) }
                    .flatMapErrorThrowing { APIError.response(for: $0, api) }
                    .nonisolated())
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }
}
