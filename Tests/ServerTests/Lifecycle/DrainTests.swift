import Glibc
import TestSupport
import Testing

/// What those who follow a log get of the requests that end while the server stops.
@Suite struct DrainTests {
    private static let path = "/v1/key/describe/piped-key"

    private let deployment: Deployment
    private let plugins: TemporaryDirectory
    private let server: ServerProcess
    /// A named pipe: the keystore answers when it is closed.
    private let gate: String

    init() throws {
        plugins = try TemporaryDirectory("keswick-plugin")
        gate = plugins.file("gate")
        try #require(mkfifo(gate, 0o600) == 0)
        try compileKeystore("piped", definitions: ["GATE_PIPE=\"\(gate)\""], into: plugins)
        deployment = try Deployment()
        try deployment.configure(
            keystore: "piped: {}", more: "plugins: { directory: \(plugins.path) }\ncache: { expiry: { any: 1ns, unused: 1ns } }")
        server = try ServerProcess(deployment)
        #expect(try server.curl("/v1/key/create/piped-key", as: deployment.admin, ["-X", "PUT"]).status == 200)
    }

    /// Stops the server while the keystore has a request, and lets the request go on once the server has understood.
    private func stopInBetween() throws {
        // Returns when the keystore reads, and so the request is in flight.
        let descriptor = open(gate, O_WRONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        server.process.signal(SIGTERM)
        while try server.curl("/version", as: deployment.admin).code == 0 {}
        #expect(!server.process.hasEnded)
        close(descriptor)
    }

    @Test("Whoever follows the log hears of them")
    func events() throws {
        let followers = try ["--http1.1", "--http2"].map { try Follower("audit", of: server, as: deployment.admin, $0) }
        // Does not read, and must not keep the server: its flow control lets nothing through (RFC 9113, section 6.5.2).
        let stuck = try RawTLSClient(port: server.port, as: deployment.admin, applicationProtocol: "h2")
        let settings: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]
        stuck.send(HTTP2Request.preface + settings + HTTP2Request(number: 1, path: "/v1/log/audit").bytes)
        let admin = deployment.admin
        let request = try Subprocess(
            "curl",
            [
                "-sS", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", deployment.serverCertificate,
                "--cert", admin.certificate, "--key", admin.key, "\(server.endpoint)\(Self.path)",
            ])
        try stopInBetween()
        #expect(String(decoding: request.collect().output, as: UTF8.self) == "200")
        for follower in followers {
            while try !follower.line().contains(Self.path) {}
            #expect(follower.end() == 0)
        }
        #expect(server.process.wait() == 0)
    }

    @Test("Also on the connection on which the request came")
    func sameConnection() throws {
        let client = try RawTLSClient(port: server.port, as: deployment.admin, applicationProtocol: "h2")
        let (log, request) = (HTTP2Request(number: 1, path: "/v1/log/audit"), HTTP2Request(number: 2, path: Self.path))
        client.send(HTTP2Request.preface + log.bytes + request.bytes)
        try stopInBetween()
        let frames = client.readToEnd()
        #expect(request.isAnswered(frames) && log.isAnswered(frames))
        #expect(String(decoding: frames, as: UTF8.self).contains(#""path":"\#(Self.path)""#))
        #expect(server.process.wait() == 0)
    }
}
