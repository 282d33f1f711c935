import Host
import TestSupport
import Testing

/// More connections than there may be.
@Suite struct ConnectionLimitTests {
    private static let request = Array("GET /version HTTP/1.1\r\nHost: a\r\n\r\n".utf8)

    private func isAnswered(_ bytes: [UInt8]) -> Bool { String(decoding: bytes, as: UTF8.self).hasSuffix("}") }

    @Test("Connections beyond the limit are closed at once, and cost the others nothing")
    func limit() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let server = try RunningServer(deployment) { $0.limits.connections = 2 }
        func connect() throws -> RawTLSClient {
            try RawTLSClient(port: server.port, as: deployment.admin, applicationProtocol: "http/1.1")
        }
        let first = try connect()
        first.send(Self.request)
        #expect(first.read(until: isAnswered))
        var second: RawTLSClient? = try connect()
        second?.send(Self.request)
        #expect(second?.read(until: isAnswered) == true)
        for _ in 0..<10 { #expect(try connect().readToEnd().isEmpty) }
        first.send(Self.request)
        #expect(first.read(until: isAnswered))
        second = nil
        // As soon as the server knows that one has gone, another may come.
        while true {
            let next = try connect()
            next.send(Self.request)
            if next.read(until: isAnswered) { break }
        }
    }
}
