import Credentials
import Glibc
import KESClient
import TestSupport
import Testing

@Suite struct FailoverTests {
    private func trustingBoth(_ first: RunningServer, _ second: RunningServer) throws -> String {
        try first.deployment.directory.write(
            readFile(first.deployment.serverCertificate) + readFile(second.deployment.serverCertificate), to: "both.crt")
    }

    @Test(arguments: HTTPVersionPreference.all)
    func callsGoOnWithTheNextServerWhenOneStops(version: HTTPVersionPreference) async throws {
        let (first, second) = (try RunningServer(), try RunningServer())
        // Known to both of them by its policy, `/v1/*`, or as an administrator.
        let key = try APIKey(second.deployment.admin.apiKey)
        let client = try KESClient(
            endpoints: [first.endpoint, second.endpoint], credential: .apiKey(key),
            trust: .certificateFile(trustingBoth(first, second)), version: version)
        // The first server answers, and its answer stands: it does not know the key's owner.
        #expect(
            await failure { try await client.status() }
                == .server(status: 403, message: "not authorized: insufficient permissions"))
        #expect(first.process.stop(SIGKILL) == -SIGKILL)
        _ = try await client.status()
        // Not repeatable; there is no doubt about where it goes.
        try await client.createKey("k")
        #expect(try await client.listKeys().all() == ["k"])
        await client.shutdown()
    }

    @Test func manyCallsAtOnceShareTheConnections() async throws {
        let server = try RunningServer()
        for version in HTTPVersionPreference.all {
            try await server.withClient(version: version) { client in
                let name = "k-\(version)"
                try await client.createKey(name)
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let context = Array("\(number)".utf8)
                            let key = try await client.generateDataKey(name, context: context)
                            return try await client.decrypt(name, ciphertext: key.ciphertext, context: context) == key.plaintext
                        }
                    }
                    for try await isSame in group { #expect(isSame) }
                }
            }
        }
    }

    @Test(arguments: HTTPVersionPreference.all)
    func manyCallsAtOnceToAServerWithAnotherNameAllFail(version: HTTPVersionPreference) async throws {
        let server = try RunningServer(certificate: .server())
        let localhost = try Endpoint("localhost:\(server.process.port)")
        let client = try KESClient(
            endpoints: [localhost], credential: .apiKey(APIKey(server.deployment.admin.apiKey)),
            trust: .certificateFile(server.deployment.serverCertificate), version: version)
        await withTaskGroup(of: KESError?.self) { group in
            for _ in 0..<50 { group.addTask { await failure { try await client.createKey("k") } } }
            for await error in group { #expect(untrusted(error, localhost)?.kind == .otherName) }
        }
        await client.shutdown()
        let names = try await server.withClient { try await $0.listKeys().all() }
        #expect(names.isEmpty)
    }

    @Test func aServerThatDoesNotAnswerIsGivenUp() async throws {
        // Connections are taken into the queue, and nobody ever reads from them.
        let silent = try ClosedPort(listening: true)
        let client = try KESClient(
            endpoints: [silent.endpoint], credential: .none, trust: .insecure, timeout: .milliseconds(50))
        #expect(await failure { try await client.version() } == .noConnectionInTime(silent.endpoint, after: .milliseconds(50)))
        await client.shutdown()
    }

    /// The other endpoint is down, for which alone there would be other rounds.
    @Test func aServerThatDoesNotAnswerIsAskedOnceWhateverTheOthersSay() async throws {
        let (silent, closed) = (try ClosedPort(listening: true), try ClosedPort())
        let client = try KESClient(
            endpoints: [closed.endpoint, silent.endpoint], credential: .none, trust: .insecure, timeout: .seconds(1),
            retries: RetryPolicy(rounds: 5, firstPause: .zero), version: .http1)
        let error = await failure { try await client.version() }
        guard case .allEndpointsFailed(let errors) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(errors.count == 2 && errors.last == .noConnectionInTime(silent.endpoint, after: .seconds(1)))
        let text = "\(errors)"
        // On a machine with much else to do, to be refused may take its time as well.
        #expect(
            text.contains("cannot connect to \(closed.endpoint): ") || text.contains("no connection to \(closed.endpoint) "),
            "\(text)")
        #expect(text.contains("no connection to \(silent.endpoint) within 1 second"), "\(text)")
        await client.shutdown()
        #expect(silent.takeConnections() == 1)
    }

    /// The connection to the first endpoint hangs in its TLS handshake: nothing can have been sent to it.
    @Test(arguments: HTTPVersionPreference.all)
    func whatMayNotBeRepeatedGoesOnFromAServerThatNoConnectionCameAboutTo(version: HTTPVersionPreference) async throws {
        let (silent, server) = (try ClosedPort(listening: true), try RunningServer())
        let client = try KESClient(
            endpoints: [silent.endpoint, server.endpoint], credential: .apiKey(APIKey(server.deployment.admin.apiKey)),
            trust: .certificateFile(server.deployment.serverCertificate), timeout: .seconds(2), retries: .never,
            version: version)
        try await client.createKey("k")
        #expect(try await client.listKeys().all() == ["k"])
        await client.shutdown()
        #expect(silent.takeConnections() == 1)
    }

    @Test func aCancelledCallSaysSo() async throws {
        let silent = try ClosedPort(listening: true)
        let client = try KESClient(
            endpoints: [silent.endpoint], credential: .none, trust: .insecure, timeout: .seconds(2))
        let call = Task { await failure { try await client.version() } }
        call.cancel()
        #expect(await call.value == .cancelled)
        await client.shutdown()
    }

    @Test func theClientOffersHTTP2UnlessToldOtherwise() async throws {
        for (version, offer) in [(HTTPVersionPreference.automatic, "h2, http/1.1"), (.http1, "http/1.1")] {
            let server = try TLSServer(.server(), arguments: ["-Verify", "1", "-naccept", "1", "-alpn", "http/1.1"])
            let client = try KESClient(
                endpoints: [server.endpoint], credential: .apiKey(APIKey()), trust: .insecure, version: version)
            _ = await failure { try await client.version() }
            await client.shutdown()
            #expect(server.finish().contains("ALPN protocols advertised by the client: \(offer)\n"))
        }
    }
}
