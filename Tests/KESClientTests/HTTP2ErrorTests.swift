import Credentials
import KESClient
import TestSupport
import Testing

/// What clients make of the frames of a server that does not answer a request (RFC 9113, sections 6.4, 6.8 and 8.7).
@Suite struct HTTP2ErrorTests {
    /// GOAWAY with NO_ERROR, after no stream.
    private static let goAway: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

    /// RST_STREAM of the first stream.
    private static func reset(_ code: UInt8) -> [UInt8] { [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code] }

    @Test("What a server did nothing with, the next one gets")
    func notProcessed() async throws {
        let (first, second) = (try HTTP2Script(answer: Self.reset(7)), try RunningServer())
        let trusted = try second.deployment.directory.write(
            readFile(first.certificate) + readFile(second.deployment.serverCertificate), to: "both.crt")
        let client = try KESClient(
            endpoints: [first.endpoint, second.endpoint], credential: .apiKey(APIKey(second.deployment.admin.apiKey)),
            trust: .certificateFile(trusted))
        async let served: Void = first.answerOneRequest()
        // Nothing that could be repeated if it were not known that nothing was done.
        try await client.createKey("k")
        await served
        #expect(try await client.listKeys().all() == ["k"])
        await client.shutdown()
    }

    /// After GOAWAY it has not, but SwiftNIO does not tell these two apart.
    @Test("One that gives a request up may have carried it out", arguments: [(reset(2), 2), (reset(8), 8), (goAway, 8)])
    func givenUp(frame: [UInt8], code: Int) async throws {
        let server = try HTTP2Script(answer: frame)
        let client = try KESClient(
            endpoints: [server.endpoint], credential: .none, trust: .certificateFile(server.certificate))
        async let served: Void = server.answerOneRequest()
        #expect(
            await failure { try await client.createKey("k") }
                == .connectionLost(server.endpoint, reason: "the server gave the request up (HTTP/2 error code \(code))"))
        await served
        await client.shutdown()
    }
}
