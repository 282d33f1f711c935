import Glibc
import TestSupport
import Testing

/// KES's own clients are programs in Go: what Go's HTTP and TLS make of the server, over both protocols.
@Suite(.enabled(if: isInstalled("go"), "Go is not installed")) struct GoClientTests {
    @Test("A client in Go does with keys what applications do", arguments: [false, true])
    func goWithKeys(isHTTP1: Bool) throws {
        let client = try GoClient()
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/key/*"], more: "log: { audit: off }")
        let server = try ServerProcess(deployment)
        let result = try run(
            client.path, ["keys", "app"], environment: client.environment(of: server, isHTTP1: isHTTP1))
        #expect(result.code == 0 && result.errorText == "", "\(result.errorText)")
        #expect(server.stop() == 0)
    }

    @Test("While clients in Go are busy and one follows, reloads fail no request and lose no event", arguments: [false, true])
    func goAmidReloads(isHTTP1: Bool) throws {
        let client = try GoClient()
        let deployment = try Deployment()
        func configure(_ round: Int) throws {
            try deployment.configure(
                keystore: "mem: {}", allow: ["/v1/key/generate/app", "/v1/key/create/round-\(round)"],
                more: "keys: [ { name: app } ]\nlog: { audit: off }")
        }
        try configure(0)
        let server = try ServerProcess(deployment)
        let follower = try Subprocess(
            client.path, ["follow", "app"], environment: client.environment(of: server, isHTTP1: isHTTP1))
        #expect(String(decoding: follower.readOutput(), as: UTF8.self) == "following\n")
        for round in 1...5 {
            try configure(round)
            server.process.signal(SIGHUP)
            // Not before the rules are in force does the next change begin.
            var isInForce = false
            while !isInForce, !server.process.hasEnded {
                isInForce = try server.curl("/v1/policy/read/user", as: deployment.admin).body.contains("round-\(round)\"")
            }
        }
        follower.closeInput()
        let errorText = String(decoding: follower.collect().error, as: UTF8.self)
        #expect(follower.wait() == 0 && errorText == "", "\(errorText)")
        #expect(server.stop() == 0)
    }
}

/// The program of Tests/go-client, built.
private struct GoClient {
    private let directory: TemporaryDirectory
    var path: String { directory.file("go-client") }

    init() throws {
        directory = try TemporaryDirectory("go-client")
        // Nothing is fetched, and nothing is written but to the build's own directory.
        let environment = [
            "GOCACHE": "\(buildDirectory())/go-cache", "GOPATH": directory.file("path"), "GOFLAGS": "-mod=mod", "GOPROXY": "off",
            "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
        ]
        let built = try run(
            "go", ["build", "-o", directory.file("go-client"), "."], environment: environment,
            directory: "\(Repository.root)/Tests/go-client")
        try #require(built.code == 0, "\(built.errorText)")
    }

    /// The client is the deployment's user, and reads the log as its administrator.
    func environment(of server: ServerProcess, isHTTP1: Bool) -> [String: String?] {
        var environment = server.environment(for: server.deployment.user)
        environment["KES_ADMIN_API_KEY"] = server.deployment.admin.apiKey
        environment["HTTP1"] = isHTTP1 ? "1" : "0"
        return environment
    }
}
