import Foundation
import KESClient
import TestSupport
import Testing

/// What is made of a log's answer, from a server that says exactly what it is told.
@Suite struct LogLinesTests {
    private let text = "one\n\ntwo\nthree"

    @Test func aServerMayNotCompress() async throws {
        #expect(try await lines(of: Array(text.utf8), "Content-Type: application/x-ndjson") == ["one", "two", "three"])
    }

    @Test func aServerMayCompress() async throws {
        #expect(try await lines(of: gzip(text), "Content-Encoding: GZIP") == ["one", "two", "three"])
    }

    @Test func whatIsSaidToBeGzipAndIsNotIsAnError() async throws {
        await #expect(throws: KESError.self) { try await lines(of: Array(text.utf8), "Content-Encoding: gzip") }
    }

    @Test func whatEndsTooEarlyIsAnError() async throws {
        let body = try gzip(text)
        await #expect(throws: KESError.self) { try await lines(of: Array(body.dropLast(4)), "Content-Encoding: gzip") }
    }

    @Test func whatIsNotHTTPIsSaidToBeNone() async throws {
        let (server, directory) = try site(Array("\0\u{1}garbage\r\n\r\n".utf8))
        defer { withExtendedLifetime(directory) {} }
        let client = try KESClient(endpoints: [server.endpoint], credential: .none, trust: .insecure, retries: .never)
        let error = await failure { try await client.closing { _ = try await $0.log(.audit) } }
        guard case .connectionLost(server.endpoint, let reason) = error else {
            Issue.record("the call failed with \(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("what came over it is not HTTP"))
    }

    /// Over HTTP/1.1 each keeps a connection to itself, and the client has a few only for all other calls.
    @Test(arguments: HTTPVersionPreference.all)
    func whoFollowsALogKeepsNobodyWaiting(version: HTTPVersionPreference) async throws {
        let server = try RunningServer()
        try await server.withClient(version: version) { client in
            var logs: [LogLines] = []
            for _ in 0..<12 { logs.append(try await client.log(.audit)) }
            _ = try await client.version()
            for log in logs {
                var lines = log.makeAsyncIterator()
                #expect(try await lines.next() != nil)
            }
        }
    }

    private func lines(of body: [UInt8], _ field: String) async throws -> [String] {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\(field)\r\n\r\n"
        let (server, directory) = try site(Array(head.utf8) + body)
        defer { withExtendedLifetime(directory) {} }
        let client = try KESClient(endpoints: [server.endpoint], credential: .none, trust: .insecure)
        return try await client.closing { client in
            var lines: [String] = []
            for try await line in try await client.log(.audit) { lines.append(line) }
            return lines
        }
    }

    /// A server that sends these bytes, and its directory.
    private func site(_ bytes: [UInt8]) throws -> (TLSServer, TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.file("v1/log"), withIntermediateDirectories: true)
        try directory.write(bytes, to: "v1/log/audit")
        return (
            try TLSServer(.server(), answering: false, arguments: ["-HTTP", "-alpn", "http/1.1"], root: directory.path), directory
        )
    }

    private func gzip(_ text: String) throws -> [UInt8] {
        let result = try run("gzip", ["-n"], input: Array(text.utf8))
        try #require(result.code == 0)
        return result.output
    }
}
