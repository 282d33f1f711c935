import Credentials
import Glibc
import KESClient
import TestSupport
import Testing

/// Two servers over one directory of keys, and clients of both.
private struct TwoServers {
    let first: ServerProcess
    let second: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "fs: { path: \(deployment.directory.file("keys")) }")
        #expect(mkdir(deployment.directory.file("keys"), 0o700) == 0)
        first = try ServerProcess(deployment)
        second = try ServerProcess(deployment)
    }

    var endpoints: [Endpoint] { get throws { [try Endpoint(first.endpoint), try Endpoint(second.endpoint)] } }

    func client(timeout: Duration = .seconds(30), version: HTTPVersionPreference = .automatic) throws -> KESClient {
        try KESClient(
            endpoints: endpoints, credential: .apiKey(APIKey(first.deployment.admin.apiKey)),
            trust: .certificateFile(first.deployment.serverCertificate), timeout: timeout, retries: .never, version: version)
    }
}

@Suite struct RetryTests {
    @Test func pausesGrowToALimitAndAreRandom() {
        let policy = RetryPolicy(rounds: 9, firstPause: .milliseconds(100), longestPause: .seconds(1))
        #expect(
            (0..<6).map { policy.pause(after: $0, fraction: 1) } == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        #expect(policy.pause(after: 2, fraction: 0.25) == .milliseconds(100))
        #expect(policy.pause(after: 3, fraction: 0) == .zero)
        #expect(policy.pause(after: .max, fraction: 1) == .seconds(1))
        #expect(RetryPolicy(rounds: 0).rounds == 1)
    }

    @Test func pausesMayBeAsLongAsTheyLike() {
        let longest = Duration.seconds(Int64.max)
        #expect(RetryPolicy(firstPause: longest, longestPause: .seconds(1)).pause(after: .max, fraction: 1) == .seconds(1))
        let policy = RetryPolicy(firstPause: longest, longestPause: longest)
        #expect(policy.pause(after: .max, fraction: 0.5) < longest.sleepable)
        #expect(longest.sleepable > .seconds(Int64(UInt32.max) / 2))
    }

    @Test func aCallWaitsForAServerThatComesBack() async throws {
        let server = try RunningServer()
        let (deployment, endpoint) = (server.deployment, try server.endpoint)
        #expect(server.process.stop(SIGKILL) == -SIGKILL)
        let client = try KESClient(
            endpoints: [endpoint], credential: .apiKey(APIKey(deployment.admin.apiKey)),
            trust: .certificateFile(deployment.serverCertificate),
            retries: RetryPolicy(rounds: 100_000, firstPause: .milliseconds(1), longestPause: .milliseconds(20)))
        // Nothing was sent when there is no connection, so that even this may be tried again.
        let call = Task { try await client.createKey("k") }
        let again = try ServerProcess(deployment, arguments: ["--addr", endpoint.description])
        try await call.value
        #expect(try await client.listKeys().all() == ["k"])
        await client.shutdown()
        #expect(again.stop() == 0)
    }

    @Test func aCallThatWaitsForAServerCanBeCancelled() async throws {
        let closed = try ClosedPort()
        let client = try KESClient(
            endpoints: [closed.endpoint], credential: .none, trust: .insecure,
            retries: RetryPolicy(rounds: 1_000_000, firstPause: .seconds(60), longestPause: .seconds(60)))
        let call = Task { await failure { try await client.version() } }
        call.cancel()
        #expect(await call.value == .cancelled)
        await client.shutdown()
    }

    @Test(arguments: HTTPVersionPreference.all)
    func whenAServerIsKilledAmidCallsThatMayBeRepeatedNoneFails(version: HTTPVersionPreference) async throws {
        let servers = try TwoServers()
        let client = try servers.client(version: version)
        try await client.createKey("k")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    let context = Array("\(number)".utf8)
                    let key = try await client.generateDataKey("k", context: context)
                    #expect(try await client.decrypt("k", ciphertext: key.ciphertext, context: context) == key.plaintext)
                }
            }
            try await group.next()
            servers.first.process.signal(SIGKILL)
            try await group.waitForAll()
        }
        await client.shutdown()
    }

    @Test(arguments: HTTPVersionPreference.all)
    func aServerThatHangsCostsOneTimeLimitAndNothingHappensTwice(version: HTTPVersionPreference) async throws {
        let servers = try TwoServers()
        // What the other server does has to be done in that time too.
        let limit = Duration.seconds(1)
        let client = try servers.client(timeout: limit, version: version)
        try await client.createKey("before")
        servers.first.process.suspend()
        let first = try Endpoint(servers.first.endpoint)
        // It may have been carried out: only the caller can say whether to do it again.
        #expect(await failure { try await client.createKey("doubtful") } == .timedOut(first, after: limit))
        // This may be repeated, and is, by the other server, which is called first from now on.
        #expect(try await client.listKeys().all().contains("before"))
        try await client.createKey("after")
        servers.first.process.signal(SIGCONT)
        #expect(try await client.describeKey("after").name == "after")
        await client.shutdown()
    }

    @Test func aServerThatIsOutOfServiceIsPassedOverForWhatMayBeRepeated() async throws {
        let server = try RunningServer()
        let directory = try TemporaryDirectory()
        #expect(mkdir(directory.file("v1"), 0o700) == 0 && mkdir(directory.file("v1/key"), 0o700) == 0)
        let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{\"message\":\"not me\"}"
        for path in ["v1/status", "v1/ready", "version"] { try directory.write(answer, to: path) }
        let other = try TLSServer(
            .server(), answering: false, arguments: ["-HTTP", "-Verify", "1", "-alpn", "http/1.1"], root: directory.path)
        let both = try directory.write(
            readFile(other.certificate) + readFile(server.deployment.serverCertificate), to: "both.crt")
        let client = try KESClient(
            endpoints: [other.endpoint, server.endpoint], credential: .apiKey(APIKey(server.deployment.admin.apiKey)),
            trust: .certificateFile(both), retries: .never)
        // Whether the server is ready is what was asked.
        #expect(await failure { try await client.ready() } == .server(status: 503, message: "not me"))
        #expect(try await client.status().operatingSystem == "linux")
        await client.shutdown()

        let alone = try KESClient(
            endpoints: [other.endpoint], credential: .apiKey(APIKey()), trust: .certificateFile(both),
            retries: RetryPolicy(rounds: 3, firstPause: .milliseconds(1)))
        #expect(await failure { try await alone.status() } == .server(status: 503, message: "not me"))
        await alone.shutdown()
    }

    /// The endpoint before it, which may come back, is no reason to send again what the last one may have carried out.
    @Test(
        arguments: [ScriptedServer.Reaction.hangUp, .silence, .answer(504), .answer(503), .answer(502), .answer(409)],
        [true, false])
    func whatMayNotBeRepeatedIsSentOnceWhateverFailedBefore(reaction: ScriptedServer.Reaction, creating: Bool) async throws {
        let (down, server) = (try ClosedPort(), try ScriptedServer(reaction))
        let limit = Duration.seconds(reaction == .silence ? 2 : 30)
        let client = try KESClient(
            endpoints: [down.endpoint, server.endpoint], credential: .none, trust: .insecure, timeout: limit,
            retries: RetryPolicy(rounds: 3, firstPause: .milliseconds(1), longestPause: .milliseconds(1)))
        async let changes = server.changesUntilRead()
        let error = await failure {
            if creating { try await client.createKey("k") } else { try await client.deleteKey("k") }
        }
        await client.shutdown()
        switch reaction {
        case .silence: #expect(error == .timedOut(server.endpoint, after: limit))
        case .answer(let status): #expect(error == .server(status: status, message: "scripted"))
        case .hangUp:
            guard case .connectionLost(server.endpoint, _) = error else {
                Issue.record("the call failed with \(String(describing: error))")
                break
            }
        }
        // The server reads one request after the other: what was sent before has come when this one has.
        let last = try KESClient(endpoints: [server.endpoint], credential: .none, trust: .insecure)
        #expect(await failure { try await last.version() } == .server(status: 409, message: "scripted"))
        await last.shutdown()
        #expect(await changes == [creating ? "PUT /v1/key/create/k" : "DELETE /v1/key/delete/k"])
    }

    /// Over HTTP/2 a server that refuses the client only closes the connection. Whether it has read the request is not known then, and what
    /// it says to the next connection does not tell.
    @Test func whatALaterRefusalExplainsIsNotRepeated() async throws {
        let server = try RunningServer()
        let other = try TLSServer(
            .server(), answering: false, arguments: ["-Verify", "1", "-verify_return_error", "-tls1_3", "-alpn", "h2,http/1.1"])
        let both = try other.directory.write(
            readFile(other.certificate) + readFile(server.deployment.serverCertificate), to: "both.crt")
        let client = try KESClient(
            endpoints: [other.endpoint, server.endpoint], credential: .apiKey(APIKey(server.deployment.admin.apiKey)),
            trust: .certificateFile(both), retries: .never)
        guard case .connectionLost(other.endpoint, let reason) = await failure({ try await client.createKey("doubtful") }) else {
            Issue.record("the call was repeated, or another error came")
            return
        }
        #expect(reason.contains("the server refuses this client with the certificate of its API key"))
        // This may be repeated, and is, by the other server.
        #expect(try await client.listKeys().all().isEmpty)
        await client.shutdown()
    }
}
