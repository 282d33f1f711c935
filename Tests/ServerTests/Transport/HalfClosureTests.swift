import Glibc
import TestSupport
import Testing

/// A client that has said all that it has to say closes its side of the connection, and is answered.
@Suite struct HalfClosureTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
    }

    private var admin: Deployment.Client { deployment.admin }

    @Test("A request and its client's end right behind the handshake", arguments: AllAtOnceClient.End.allCases)
    func allAtOnce(end: AllAtOnceClient.End) throws {
        let server = try ServerProcess(deployment)
        for _ in 0..<3 {
            let http1 = try AllAtOnceClient(port: server.port, as: admin, applicationProtocol: "http/1.1")
            let request = "GET /version HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n"
            let text = String(decoding: try http1.ask(Array(request.utf8), end: end), as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.contains(#"{"version":"#) && text.contains(#""uptime":"#))
            let http2 = try AllAtOnceClient(port: server.port, as: admin, applicationProtocol: "h2")
            let stream = HTTP2Request(number: 1)
            #expect(stream.isAnswered(try http2.ask(HTTP2Request.preface + stream.bytes, end: end)))
        }
        // Without a request there is nothing to answer, and the connection ends all the same.
        let silent = try AllAtOnceClient(port: server.port, as: admin, applicationProtocol: "http/1.1")
        #expect(try silent.ask([], end: end).isEmpty)
    }

    @Test("A request that takes its time, with another behind it", arguments: AllAtOnceClient.End.allCases)
    func inFlight(end: AllAtOnceClient.End) throws {
        let (plugins, gate) = (try TemporaryDirectory("keswick-plugin"), deployment.directory.file("gate"))
        try #require(mkfifo(gate, 0o600) == 0)
        try compileKeystore("gated", definitions: ["GATE_PIPE=\"\(gate)\""], into: plugins)
        try deployment.configure(
            keystore: "gated: {}", more: "plugins: { directory: \(plugins.path) }\ncache: { expiry: { any: 1ns, unused: 1ns } }")
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/v1/key/create/piped-a", as: admin, ["-X", "PUT"]).status == 200)
        let path = "/v1/key/describe/piped-a"
        let http1 = try AllAtOnceClient(port: server.port, as: admin, applicationProtocol: "http/1.1")
        let requests = "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n"
        let text = try open(gate, after: { try http1.ask(Array(requests.utf8), end: end) })
        let answers = String(decoding: text, as: UTF8.self)
        #expect(answers.contains(#""name":"piped-a""#) && answers.contains(#"{"version":"#), "\(answers)")
        let http2 = try AllAtOnceClient(port: server.port, as: admin, applicationProtocol: "h2")
        // One whose body will never come, too.
        let (whole, other) = (HTTP2Request(number: 1, path: path), HTTP2Request(number: 2))
        var broken = HTTP2Request(number: 3, method: .put, path: "/v1/key/generate/piped-a")
        broken.hasBody = true
        let frames = try open(
            gate, after: { try http2.ask(HTTP2Request.preface + whole.bytes + other.bytes + broken.bytes, end: end) })
        #expect(whole.isAnswered(frames) && other.isAnswered(frames) && broken.isAnswered(frames))
        #expect(try server.auditEvent(containing: "generate/piped-a").contains(#""code":400"#))
    }

    /// Opens the keystore's gate when it is being waited at, and not before the event loop has read on.
    private func open(_ gate: String, after ask: () throws -> [UInt8]) throws -> [UInt8] {
        // A process of its own, since `ask` returns when it was answered: its `open` returns when the keystore reads.
        let opener = try Subprocess("sh", ["-c", "exec 3>\"$0\"", gate])
        // Ended with it if nothing ever asked the keystore.
        return try withExtendedLifetime(opener) { try ask() }
    }
}
