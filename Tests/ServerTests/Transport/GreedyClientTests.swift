import TestSupport
import Testing

/// A client that asks for more than it reads takes no more of the server's memory for it.
@Suite(.disabled(if: isSanitized, "a sanitizer's own memory is counted too")) struct GreedyClientTests {
    private let server: ServerProcess
    private let policySize: Int
    private let path = "/v1/policy/read/big"

    private static let requests = 40
    /// Kilobytes: a quarter of what all answers have together.
    private static let allowed = 10 * 1024

    private var admin: Deployment.Client { server.deployment.admin }

    /// With a policy of a megabyte, whose text is an answer that needs no keystore.
    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let (server, admin) = (try ServerProcess(deployment), deployment.admin)
        let patterns = (0..<1000).map { #""/v1/key/create/\#($0)\#(String(repeating: "a", count: 1000))""# }
        let policy = Array(#"{"allow":[\#(patterns.joined(separator: ","))]}"#.utf8)
        let written = try server.curl("/v1/policy/write/big", as: admin, ["-X", "PUT", "--data-binary", "@-"], input: policy)
        try #require(written.status == 200)
        policySize = try server.curl(path, as: admin).body.utf8.count
        self.server = server
        try #require(policySize > 1_000_000)
    }

    @Test("Over HTTP/1.1, of pipelined requests, those are answered whose answers are read")
    func pipelined() throws {
        let before = try server.memory("VmHWM")
        let connection = try RawTLSClient(port: server.port, as: admin)
        let request = "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.send(Array(String(repeating: request, count: Self.requests).utf8))
        // All that came in one read was once answered before the first byte of an answer was written.
        var received = connection.read()
        #expect(try server.memory("VmHWM") - before < Self.allowed)
        connection.send(Array("GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
        received += connection.readToEnd()
        let answers = String(decoding: received, as: UTF8.self).split(separator: "HTTP/1.1 200 OK\r\n")
        #expect(answers.count == Self.requests + 1)
        #expect(answers.dropLast().allSatisfy { $0.utf8.count > policySize } && answers.last?.contains(#"{"version":"#) == true)
        #expect(try server.memory("VmHWM") - before < Self.allowed)
    }

    @Test("Over HTTP/2, requests wait while the client gives no credit for the answers that there are")
    func withoutCredit() throws {
        let before = try server.memory("VmHWM")
        let connection = try RawTLSClient(port: server.port, as: admin, applicationProtocol: "h2")
        let requests = (1...Self.requests).map { HTTP2Request(number: $0, path: path) }
        let all = requests.flatMap(\.bytes)
        connection.send(HTTP2Request.preface + HTTP2Request.noCredit + all + HTTP2Request.ping)
        #expect(connection.read { $0.contains(HTTP2Request.pong) })
        #expect(try server.memory("VmHWM") - before < Self.allowed)
        // WINDOW_UPDATE for each stream, and all is answered.
        connection.send(requests.flatMap { $0.frame(8, flags: 0, [0x3f, 0xff, 0xff, 0xff]) } + HTTP2Request.farewell)
        let frames = connection.readToEnd()
        for request in requests { #expect(request.isAnswered(frames)) }
        #expect(try server.memory("VmHWM") - before < Self.allowed)
    }

    @Test("Clients that send much at once over HTTP/2 get all of it answered")
    func uploads() throws {
        let server = self.server
        #expect(try server.curl("/v1/key/create/a", as: admin, ["-X", "PUT"]).status == 200)
        let text = String(repeating: "A", count: 900_000)
        let file = try server.deployment.directory.write(Array(#"{"plaintext":"\#(text)"}"#.utf8), to: "body.json")
        let one = """
            url = "\(server.endpoint)/v1/key/encrypt/a"
            request = PUT
            data-binary = "@\(file)"
            output = /dev/null
            cacert = \(server.deployment.serverCertificate)
            cert = \(admin.certificate)
            key = \(admin.key)
            write-out = "%{http_code}\\n"
            """
        let count = 60
        let configuration = Array(repeating: one, count: count).joined(separator: "\nnext\n")
        let result = try run(
            "curl",
            [
                "-sS", "--http2", "--parallel", "--parallel-max", "\(count)", "--parallel-immediate", "--max-time", "60", "-K",
                "-",
            ],
            input: Array(configuration.utf8))
        let statuses = result.text.split(separator: "\n")
        #expect(statuses.count == count && statuses.allSatisfy { $0 == "200" }, "\(result.text)\(result.errorText)")
    }
}
