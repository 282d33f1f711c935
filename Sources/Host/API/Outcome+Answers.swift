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
            if let key = api.keyring.cached(name) {
                do {
                    return .ready(try respond(request, name, key))
                } catch EnvelopeError.notAuthentic {
                    return withKey(request, name, insteadOf: key, api, respond)
                }
            }
            let fetched = api.keyring.key(name, timeout: request.timeout, on: request.eventLoop).assumeIsolated()
            return .pending(
                fetched.flatMapThrowing { try respond(request, name, $0) }
                    .flatMapErrorThrowing { APIError.response(for: $0, api) }
                    .nonisolated())
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }

    /// Answers with the key that the keystore holds, if that is not `failed`, which was in the cache and did not decrypt what the client sent.
    ///
    /// Where that leads nowhere, whyever, the ciphertext is not authentic as far as this server can tell.
    private static func withKey(
        _ request: Request, _ name: String, insteadOf failed: Key, _ api: API,
        _ respond: @escaping (_ request: Request, _ name: String, _ key: Key) throws -> Response
    ) -> Outcome {
        let asked = api.keyring.key(name, insteadOf: failed, timeout: request.timeout, on: request.eventLoop).assumeIsolated()
        return .pending(
            asked.flatMapThrowing { key in
                guard key !== failed else { throw EnvelopeError.notAuthentic }
                return try respond(request, name, key)
            }
            .flatMapErrorThrowing { _ in APIError.response(for: EnvelopeError.notAuthentic, api) }
            .nonisolated())
    }
}
