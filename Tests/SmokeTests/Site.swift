import Glibc
import KESClient
import TestSupport
import Testing

/// A directory with all that servers on one keystore need.
struct Site {
    let deployment: Deployment

    init(_ store: Store) throws {
        deployment = try Deployment()
        if store == .fs { #expect(mkdir(deployment.directory.file("keys"), 0o700) == 0) }
        try deployment.configure(
            keystore: store.section(in: deployment.directory.path),
            allow: ["/v1/key/create/app-*", "/v1/key/generate/app-*", "/v1/key/decrypt/app-*", "/v1/key/list/app-*"],
            deny: ["/v1/key/generate/app-internal*"], more: "log: { audit: off }")
    }

    /// Starts a server; others may run already.
    func start() throws -> ServerProcess { try ServerProcess(deployment) }

    /// Lends a client of the administrator's to `body` and closes its connections.
    func withClient<R>(of server: ServerProcess, _ body: (KESClient) async throws -> R) async throws -> R {
        let client = try KESClient(
            endpoints: [Endpoint(server.endpoint)],
            credential: .files(certificate: deployment.admin.certificate, key: deployment.admin.key),
            trust: .certificateFile(deployment.serverCertificate))
        return try await client.closing(body)
    }
}
