import Foundation
import Glibc
import TestSupport
import Testing

/// A client that reads late, as over a slow link, gets its answer whole also when the server closes the connection behind it.
@Suite struct LateReaderTests {
    private let server: ServerProcess
    private let path = "/v1/policy/read/big"

    /// The protocols as TLS names them.
    private static let protocols = ["http/1.1", "h2"]

    private var admin: Deployment.Client { server.deployment.admin }

    /// With an answer of 120 KB: more than the system holds, and not more than what the server hands to TLS before it waits for the client.
    init() throws {
        let deployment = try Deployment()
        // Followers of the log show that time has passed: more than a connection has after its end.
        try deployment.configure(keystore: "mem: {}", more: "api: { /v1/log/audit: { timeout: 3s } }")
        server = try ServerProcess(deployment)
        let patterns = (0..<120).map { #""/v1/key/create/\#($0)\#(String(repeating: "a", count: 1000))""# }
        let policy = Array(#"{"allow":[\#(patterns.joined(separator: ","))]}"#.utf8)
        let arguments = ["-X", "PUT", "--data-binary", "@-"]
        try #require(server.curl("/v1/policy/write/big", as: deployment.admin, arguments, input: policy).status == 200)
    }

    /// Asks for the answer and reads it when `event` has happened and some time has passed.
    private func ask(_ name: String, isLast: Bool, after event: () throws -> Void) throws -> [UInt8] {
        let client = try AllAtOnceClient(port: server.port, as: admin, applicationProtocol: name, isNarrow: true)
        let stream = HTTP2Request(number: 1, path: path)
        let http2 = HTTP2Request.preface + stream.bytes + stream.frame(8, flags: 0, [0x3f, 0xff, 0xff, 0xff])
        let http1 = "GET \(path) HTTP/1.1\r\nHost: a\r\n\(isLast ? "Connection: close\r\n" : "")\r\n"
        let request = name == "h2" ? http2 + (isLast ? HTTP2Request.farewell : []) : Array(http1.utf8)
        return try client.ask(request) {
            _ = try server.auditEvent(containing: path)
            let follower = try Follower("audit", of: server, as: admin, "--http1.1")
            try event()
            #expect(follower.end() == 0)
        }
    }

    private func expectWhole(_ received: [UInt8], _ name: String) throws {
        #expect(received.count > 120_000)
        guard name != "h2" else { return #expect(HTTP2Request(number: 1).isAnswered(received)) }
        let parts = String(decoding: received, as: UTF8.self).components(separatedBy: "\r\n\r\n")
        try #require(parts.count == 2)
        #expect(parts[0].hasPrefix("HTTP/1.1 200 OK"))
        #expect(parts[0].lowercased().contains("content-length: \(parts[1].utf8.count)"))
    }

    @Test("Because the client wanted no other", arguments: protocols)
    func close(name: String) throws {
        try expectWhole(ask(name, isLast: true) {}, name)
    }

    @Test("Because the server is being stopped", arguments: protocols)
    func stop(name: String) throws {
        try expectWhole(ask(name, isLast: false) { server.process.signal(SIGTERM) }, name)
        #expect(server.process.wait() == 0)
    }
}
