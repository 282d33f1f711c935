import Credentials
import Glibc
import KESClient
import SecureBytes
import Synchronization
import TestSupport
import Testing

/// Certificates that are replaced while the server runs.
@Suite struct CertificateChangeTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
    }

    /// Makes another certificate, `NAME.crt` and `NAME.key`.
    private func makeCertificate(_ name: String) throws -> (certificate: [UInt8], key: [UInt8]) {
        let key = try PrivateKey(generating: .ecdsaP256)
        let certificate = try SelfSignedCertificate(
            CertificateTemplate(
                dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], usage: .clientAndServer, notBefore: Int64(time(nil)),
                validity: 7200), key: key)
        return (certificate.pem, try key.pem().withUnsafeBytes { [UInt8]($0) })
    }

    /// Whether the server's certificate is the one in a file.
    private func presents(_ certificate: String, _ server: ServerProcess) throws -> Bool {
        let admin = deployment.admin
        let result = try run(
            "curl",
            ["-sS", "--cacert", certificate, "--cert", admin.certificate, "--key", admin.key, "\(server.endpoint)/v1/ready"])
        return result.code == 0
    }

    @Test func aNewPairIsTakenIntoUseWhenItIsWhole() throws {
        let server = try ServerProcess(deployment)
        let old = try deployment.directory.write(readFile(deployment.serverCertificate), to: "old.crt", mode: 0o644)
        let (certificate, key) = try makeCertificate("new")
        let new = try deployment.directory.write(certificate, to: "new.crt", mode: 0o644)
        #expect(try presents(old, server) && !presents(new, server))
        // Half of it: the certificate does not belong to the key.
        try deployment.directory.write(certificate, to: "server.crt", mode: 0o644)
        try server.errorLine(containing: "the TLS files have changed and cannot be used, the server goes on with what it has")
        #expect(try presents(old, server) && !presents(new, server))
        // The other half, as many tools do it: under another name, and then moved.
        try deployment.directory.write(key, to: "server.key.new")
        #expect(rename(deployment.directory.file("server.key.new"), deployment.serverKey) == 0)
        try server.errorLine(containing: "the TLS files have changed and were read again")
        #expect(try presents(new, server) && !presents(old, server))
        let metrics = try server.curl("/v1/metrics", as: deployment.admin).body
        let expiry = try #require(PrometheusText(metrics).value("keswick_tls_certificate_expiry_seconds"))
        #expect(abs(expiry - Double(time(nil)) - 7200) < 600)
        #expect(server.stop() == 0)
    }

    @Test func aFileThatIsGoneIsReportedAndChangesNothing() throws {
        let server = try ServerProcess(deployment)
        let old = try deployment.directory.write(readFile(deployment.serverCertificate), to: "old.crt", mode: 0o644)
        #expect(rename(deployment.serverKey, deployment.directory.file("away.key")) == 0)
        try server.errorLine(containing: "goes on with what it has: \(deployment.serverKey): No such file or directory")
        #expect(try presents(old, server))
        #expect(rename(deployment.directory.file("away.key"), deployment.serverKey) == 0)
        try server.errorLine(containing: "the TLS files have changed and were read again")
        #expect(try presents(old, server))
    }

    @Test func whatTheCommandLineRenewsIsTakenIntoUse() throws {
        let server = try ServerProcess(deployment)
        let renewed = try run(
            kesPath(),
            [
                "identity", "new", "-f", "--key", deployment.serverKey, "--cert", deployment.serverCertificate, "--dns",
                "localhost",
                "--ip", "127.0.0.1",
            ])
        try #require(renewed.code == 0, "\(renewed.errorText)")
        try server.errorLine(containing: "the TLS files have changed and were read again")
        #expect(try server.curl("/version", as: deployment.admin).status == 200)
        #expect(server.stop() == 0)
    }

    @Test func otherAuthoritiesAreTakenIntoUse() throws {
        let directory = deployment.directory
        for name in ["first", "second"] {
            for arguments in [
                [
                    "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "\(name)-ca.key", "-out", "\(name)-ca.crt",
                    "-subj",
                    "/CN=\(name)-ca", "-addext", "basicConstraints=critical,CA:TRUE",
                ],
                ["req", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)"],
                [
                    "x509", "-req", "-in", "\(name).csr", "-CA", "\(name)-ca.crt", "-CAkey", "\(name)-ca.key", "-CAcreateserial",
                    "-out", "\(name).crt", "-days", "1", "-extfile", "client.ext",
                ],
            ] {
                try directory.write("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\n", to: "client.ext")
                let result = try run("openssl", arguments, directory: directory.path)
                try #require(result.code == 0, "\(result.errorText)")
            }
        }
        func client(_ name: String) -> Deployment.Client {
            Deployment.Client(
                identity: deployment.admin.identity, apiKey: "", certificate: directory.file("\(name).crt"),
                key: directory.file("\(name).key"))
        }
        #expect(mkdir(directory.file("authorities"), 0o755) == 0)
        try directory.write(readFile(directory.file("first-ca.crt")), to: "authorities/first.pem", mode: 0o644)
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        let parts = text.split(separator: "cert:", maxSplits: 1)
        try directory.write("\(parts[0])auth: on, ca: \(directory.file("authorities")), cert:\(parts[1])", to: "config.yml")
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/version", as: client("first")).status == 200)
        #expect(try server.curl("/version", as: client("second")).status == 0)
        try directory.write(readFile(directory.file("second-ca.crt")), to: "authorities/second.pem", mode: 0o644)
        try server.errorLine(containing: "the TLS files have changed and were read again")
        #expect(try server.curl("/version", as: client("first")).status == 200)
        #expect(try server.curl("/version", as: client("second")).status == 200)
    }

    /// Policies, keystore and certificate are replaced while 64 connections are busy and others are made.
    @Test func nothingFailsWhileEverythingChanges() async throws {
        let (directory, admin, user) = (deployment.directory, deployment.admin, deployment.user)
        for name in ["keys-1", "keys-2"] { #expect(mkdir(directory.file(name), 0o700) == 0) }
        func configure(_ keys: String, allow: [String]) throws {
            try deployment.configure(
                keystore: "fs: { path: \(directory.file(keys)) }", allow: allow,
                more: "keys: [ { name: busy } ]\nlog: { audit: off }")
        }
        try configure("keys-1", allow: ["/v1/status"])
        let server = try ServerProcess(deployment)
        let (certificate, key) = try makeCertificate("new")
        let old = try readFile(deployment.serverCertificate)
        try directory.write(old + certificate, to: "both.crt", mode: 0o644)
        let load = Load()
        func client(_ version: HTTPVersionPreference) throws -> KESClient {
            try KESClient(
                endpoints: [Endpoint(server.endpoint)], credential: .apiKey(APIKey(admin.apiKey)),
                trust: .certificateFile(directory.file("both.crt")), version: version)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    // Each keeps its connection, but for a few that make one for each request.
                    var kept = try client(number.isMultiple(of: 2) ? .automatic : .http1)
                    while !load.isOver {
                        do {
                            _ = try await kept.generateDataKey("busy")
                            load.succeeded(number)
                        } catch {
                            load.failed("\(error)")
                        }
                        if number % 16 == 0 {
                            await kept.shutdown()
                            kept = try client(.automatic)
                        }
                    }
                    await kept.shutdown()
                }
            }
            await load.waitUntilAllAreBusy()
            #expect(try server.curl("/v1/status", as: user).status == 200)
            #expect(try server.curl("/v1/ready", as: user).status == 403)

            try configure("keys-1", allow: ["/v1/ready"])
            server.process.signal(SIGHUP)
            try server.errorLine(containing: "the configuration was reloaded")
            #expect(try server.curl("/v1/status", as: user).status == 403)
            #expect(try server.curl("/v1/ready", as: user).status == 200)
            await load.waitUntilAllAreBusy()

            try configure("keys-2", allow: ["/v1/api"])
            server.process.signal(SIGHUP)
            while try server.curl("/v1/api", as: user).status != 200 {}
            #expect(access(directory.file("keys-2/busy"), F_OK) == 0)
            #expect(try server.curl("/v1/ready", as: user).status == 403)
            await load.waitUntilAllAreBusy()

            try directory.write(certificate, to: "server.crt", mode: 0o644)
            try directory.write(key, to: "server.key")
            try server.errorLine(containing: "the TLS files have changed and were read again")
            await load.waitUntilAllAreBusy()
            #expect(try presents(deployment.serverCertificate, server))
            load.end()
            try await group.waitForAll()
        }
        #expect(load.failures == [])
        #expect(server.stop() == 0)
    }
}

/// What many clients do at once.
private final class Load: Sendable {
    private struct State {
        var busy: Set<Int> = []
        var failures: [String] = []
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let over = Atomic(false)

    var isOver: Bool { over.load(ordering: .relaxed) }
    var failures: [String] { state.withLock { $0.failures } }

    func end() { over.store(true, ordering: .relaxed) }

    func succeeded(_ client: Int) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.busy.insert(client)
            guard state.busy.count == 64 else { return nil }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    func failed(_ error: String) {
        state.withLock { if $0.failures.count < 10 { $0.failures.append(error) } }
    }

    /// Returns when every client has had another answer.
    func waitUntilAllAreBusy() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                state.busy = []
                state.waiting = continuation
            }
        }
    }
}
