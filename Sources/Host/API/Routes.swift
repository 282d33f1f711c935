import NIOCore

/// The whole API on one screen.
///
/// The columns are the contract with existing clients; `GET /v1/api` answers with them.
let routes: [Route] = [
    row(.get, "/version", .anyone, timeout: .seconds(10), handler: ServerHandlers.version),
    row(.get, "/v1/ready", .policy, handler: ServerHandlers.ready),
    row(.get, "/v1/status", .policy, handler: ServerHandlers.status),
    row(.get, "/v1/metrics", .policy, handler: MetricsHandlers.metrics),
    row(.get, "/v1/api", .policy, timeout: .seconds(10), handler: ServerHandlers.apis),

    row(.put, "/v1/key/create/", .policy, handler: KeyHandlers.create),
    row(.put, "/v1/key/import/", .policy, maxBody: megabyte, handler: KeyHandlers.importKey),
    row(.get, "/v1/key/describe/", .policy, handler: KeyHandlers.describe),
    row(.get, "/v1/key/list/", .policy, handler: KeyHandlers.list),
    row(.delete, "/v1/key/delete/", .policy, handler: KeyHandlers.delete),
    row(.put, "/v1/key/generate/", .policy, maxBody: megabyte, handler: CryptoHandlers.generate),
    row(.put, "/v1/key/encrypt/", .policy, maxBody: megabyte, handler: CryptoHandlers.encrypt),
    row(.put, "/v1/key/decrypt/", .policy, maxBody: megabyte, handler: CryptoHandlers.decrypt),
    row(.put, "/v1/key/bulk/decrypt/", .policy, maxBody: megabyte, handler: CryptoHandlers.bulkDecrypt),
    row(.put, "/v1/key/hmac/", .policy, maxBody: megabyte, handler: CryptoHandlers.hmac),

    row(.get, "/v1/policy/describe/", .policy, handler: PolicyHandlers.describe),
    row(.get, "/v1/policy/read/", .policy, handler: PolicyHandlers.read),
    row(.get, "/v1/policy/list/", .policy, handler: PolicyHandlers.list),
    row(.put, "/v1/policy/write/", .policy, maxBody: megabyte, handler: PolicyHandlers.write),
    row(.put, "/v1/policy/assign/", .policy, maxBody: kilobyte, handler: PolicyHandlers.assign),
    row(.delete, "/v1/policy/delete/", .policy, handler: PolicyHandlers.delete),

    row(.get, "/v1/identity/describe/", .policy, handler: IdentityHandlers.describe),
    row(.get, "/v1/identity/self/describe", .anyIdentity, handler: IdentityHandlers.describeSelf),
    row(.get, "/v1/identity/list/", .policy, handler: IdentityHandlers.list),
    row(.delete, "/v1/identity/delete/", .policy, handler: IdentityHandlers.delete),

    row(.get, "/v1/log/audit", .policy, timeout: nil, handler: LogHandlers.audit),
    row(.get, "/v1/log/error", .policy, timeout: nil, handler: LogHandlers.error),
]

private let kilobyte = 1 << 10
private let megabyte = 1 << 20

private func row(
    _ method: Route.Method, _ path: String, _ access: Route.Access, maxBody: Int = 0, timeout: TimeAmount? = .seconds(15),
    handler: @escaping Route.Handler
) -> Route {
    Route(method: method, path: path, maxBody: maxBody, timeout: timeout, access: access, handler: handler)
}
