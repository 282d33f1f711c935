import Envelope
import NIOCore
import SecureBytes

/// Keys as such: create, import, describe, list, delete.
enum KeyHandlers {
    static func create(_ request: Request, _ api: API) -> Outcome {
        do {
            let name = try Names.check(String(request.argument), as: .key)
            let key = try Key(
                generating: .preferred, createdAt: api.now(), createdBy: request.caller?.identity.description ?? "")
            return store(key, as: name, request, api)
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }

    static func importKey(_ request: Request, _ api: API) -> Outcome {
        do {
            let name = try Names.check(String(request.argument), as: .key)
            let body = try ImportBody(request.body)
            guard let algorithm = KeyAlgorithm(spelling: body.cipher) else {
                return .ready(.error(406, "algorithm '\(body.cipher)' is not supported"))
            }
            guard body.key.count == Key.secretByteCount else {
                return .ready(.error(406, "invalid key size for '\(body.cipher)'"))
            }
            let key = try Key(
                importing: body.key, algorithm: algorithm, createdAt: api.now(),
                createdBy: request.caller?.identity.description ?? "")
            return store(key, as: name, request, api)
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }

    static func describe(_ request: Request, _ api: API) -> Outcome {
        .withKey(request, api) { _, name, key in
            var writer = JSONWriter()
            writer.object {
                $0.member("name", name)
                $0.member("algorithm", key.algorithm.name)
                $0.member("created_at", key.createdAt.description)
                $0.member("created_by", key.createdBy)
            }
            return .json(writer.buffer)
        }
    }

    static func delete(_ request: Request, _ api: API) -> Outcome {
        do {
            let name = try Names.check(String(request.argument), as: .key)
            return pending(api.keyring.delete(name, timeout: request.timeout, on: request.eventLoop), api) { _ in .empty(200) }
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }

    /// Names of keys, a page at a time. The token for the next page is a pattern that policies match like the first one.
    static func list(_ request: Request, _ api: API) -> Outcome {
        do {
            let pattern = try ListPattern(String(request.argument))
            let names = api.keyring.list(
                prefix: pattern.prefix, after: pattern.after ?? "", limit: pageSize + 1, timeout: request.timeout,
                on: request.eventLoop)
            return pending(names, api) { names in
                var writer = JSONWriter(capacity: 64 + names.count * 32)
                writer.object { page in
                    page.member(
                        "names",
                        array: { list in
                            for name in names.prefix(pageSize) {
                                if Names.isValid(name) { list.string(name) } else { tellOfStranger(name, api) }
                            }
                        })
                    if names.count > pageSize { page.member("continue_at", pattern.token(after: names[pageSize - 1])) }
                }
                return .json(writer.buffer)
            }
        } catch {
            return .ready(APIError.response(for: error, api))
        }
    }

    /// What a keystore holds under a name that no request can name is not listed: another tool's file, or a copy that someone made.
    private static func tellOfStranger(_ name: String, _ api: API) {
        guard api.keyring.strangerTold.isDue() else { return }
        api.logger.warning(
            "the keystore holds '\(name)', which is not the name of a key, and is not listed (\(Names.rule)); rename or remove it"
        )
    }

    /// Names on a page at most.
    private static let pageSize = 1000

    private static func store(_ key: Key, as name: String, _ request: Request, _ api: API) -> Outcome {
        pending(api.keyring.create(name, key: key, timeout: request.timeout, on: request.eventLoop), api) { _ in .empty(200) }
    }

    /// An answer that comes with the keystore's, or with its failure.
    private static func pending<Value>(
        _ future: EventLoopFuture<Value>, _ api: API, _ respond: @escaping (Value) -> Response
    ) -> Outcome {
        .pending(
            future.assumeIsolated().map(respond).flatMapErrorThrowing { APIError.response(for: $0, api) }.nonisolated())
    }
}
