import Credentials
import Glibc
import KESClient
import TestSupport
import Testing

/// Against a TLS server that is not ours. That it answers with a page that is not of the protocol shows that the handshake passed.
@Suite struct TrustTests {
    private func call(
        _ endpoints: [Endpoint], trust: ServerTrust, credential: ClientCredential? = nil
    ) async throws -> KESError? {
        let client = try KESClient(endpoints: endpoints, credential: credential ?? .apiKey(try APIKey()), trust: trust)
        var failure: KESError?
        do throws(KESError) {
            _ = try await client.version()
        } catch {
            failure = error
        }
        await client.shutdown()
        return failure
    }

    private func isHandshakeDone(_ error: KESError?, _ endpoint: Endpoint) -> Bool {
        if case .invalidResponse(endpoint, _) = error { true } else { false }
    }

    @Test(arguments: PrivateKey.Algorithm.allCases)
    func aSelfSignedCertificateIsTrustedWhenItsFileIsGiven(algorithm: PrivateKey.Algorithm) async throws {
        let server = try TLSServer(.server(), key: algorithm)
        let error = try await call([server.endpoint], trust: .certificateFile(server.certificate))
        #expect(isHandshakeDone(error, server.endpoint))
    }

    @Test func aCertificateThatNobodyVouchesForIsRefused() async throws {
        let (server, other) = (try TLSServer(.server()), try TLSServer(.server()))
        for trust in [ServerTrust.system, .certificateFile(other.certificate)] {
            let problem = try #require(untrusted(try await call([server.endpoint], trust: trust), server.endpoint))
            #expect(problem.kind == .selfSigned)
            #expect(problem.certificate?.subject == "CN=test")
            #expect(problem.certificate?.names == ["127.0.0.1"])
        }
        #expect(isHandshakeDone(try await call([server.endpoint], trust: .insecure), server.endpoint))
    }

    @Test func aTrustedCertificateForAnotherAddressIsRefused() async throws {
        let server = try TLSServer(.server(["127.0.0.2"]))
        #expect(
            untrusted(try await call([server.endpoint], trust: .certificateFile(server.certificate)), server.endpoint)?.kind
                == .otherName)
    }

    @Test func aTrustedNameIsNotAnAddress() async throws {
        let server = try TLSServer(.server())
        let localhost = try Endpoint("localhost:\(server.endpoint.port)")
        let error = try await call([localhost], trust: .certificateFile(server.certificate))
        #expect(untrusted(error, localhost)?.kind == .otherName, "\(String(describing: error))")
    }

    @Test func nothingIsSentToAServerWithoutTheRightName() async throws {
        // What arrives is printed.
        let server = try TLSServer(.server(), answering: false, arguments: ["-Verify", "1", "-naccept", "1"])
        let localhost = try Endpoint("localhost:\(server.endpoint.port)")
        let error = try await call([localhost], trust: .certificateFile(server.certificate))
        #expect(untrusted(error, localhost)?.kind == .otherName)
        let seen = server.finish()
        #expect(seen.contains("CIPHER is"))
        #expect(!seen.contains("GET /"))
    }

    @Test(arguments: ["digitalSignature", "digitalSignature,keyEncipherment"])
    func aSelfSignedCertificateThatMayNotSignCertificatesIsTrustedWhenItsFileIsGiven(usage: String) async throws {
        let directory = try TemporaryDirectory()
        func make(_ name: String, address: String) throws -> [String] {
            let (key, certificate) = (directory.file("\(name).key"), directory.file("\(name).crt"))
            let made = try run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=kes",
                    "-days", "1",
                    "-addext", "keyUsage=critical,\(usage)", "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
                    "extendedKeyUsage=clientAuth,serverAuth", "-addext", "subjectAltName=IP:\(address)",
                ])
            #expect(made.code == 0, "\(made.errorText)")
            return ["-Verify", "1", "-cert", certificate, "-key", key]
        }
        let good = try TLSServer(.server(), arguments: try make("good", address: "127.0.0.1"))
        #expect(
            isHandshakeDone(try await call([good.endpoint], trust: .certificateFile(directory.file("good.crt"))), good.endpoint))

        let other = try TLSServer(.server(), arguments: try make("other", address: "127.0.0.1"))
        #expect(
            untrusted(
                try await call([other.endpoint], trust: .certificateFile(directory.file("good.crt"))), other.endpoint)?.kind
                == .selfSigned)
        let elsewhere = try TLSServer(.server(), arguments: try make("elsewhere", address: "127.0.0.2"))
        #expect(
            untrusted(
                try await call([elsewhere.endpoint], trust: .certificateFile(directory.file("elsewhere.crt"))), elsewhere.endpoint
            )?
            .kind == .otherName)
    }

    @Test func aTrustedCertificateOutOfDateIsRefused() async throws {
        let server = try TLSServer(.server(validity: 60, since: 3600))
        for trust in [ServerTrust.system, .certificateFile(server.certificate)] {
            let problem = try #require(untrusted(try await call([server.endpoint], trust: trust), server.endpoint))
            #expect(problem.kind == .expired)
            #expect(problem.certificate?.notAfter ?? .max < Int64(time(nil)))
        }
        let early = try TLSServer(.server(since: -3600))
        #expect(
            untrusted(try await call([early.endpoint], trust: .certificateFile(early.certificate)), early.endpoint)?.kind
                == .notYetValid)
    }

    @Test func theAuthorityOfACertificateThatIsNotTrustedIsNamed() async throws {
        let authority = try Authority()
        let server = try TLSServer(.server(), arguments: ["-Verify", "1"] + authority.issue("server", for: "127.0.0.1"))
        let problem = try #require(untrusted(try await call([server.endpoint], trust: .system), server.endpoint))
        #expect(problem.kind == .unknownAuthority)
        #expect(problem.certificate?.issuer == "CN=Keswick test authority")
        let error = try await call([server.endpoint], trust: .certificateFile(authority.certificate))
        #expect(isHandshakeDone(error, server.endpoint), "\(String(describing: error))")
    }

    @Test func aTrustedCertificateThatIsNotForServersIsRefused() async throws {
        let server = try TLSServer(
            CertificateTemplate(ipAddresses: ["127.0.0.1"], usage: .client, notBefore: Int64(time(nil)) - 60, validity: 3600))
        #expect(
            untrusted(try await call([server.endpoint], trust: .certificateFile(server.certificate)), server.endpoint)?.kind
                == .notForServers)
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func theClientShowsTheIdentityOfItsAPIKey(version: String) async throws {
        let server = try TLSServer(.server(), arguments: ["-Verify", "1", "-naccept", "1", version])
        let key = try APIKey()
        let error = try await call([server.endpoint], trust: .certificateFile(server.certificate), credential: .apiKey(key))
        #expect(isHandshakeDone(error, server.endpoint))
        #expect(server.finish().contains("CN = \(key.identity)"))
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func aServerThatTurnsTheClientDownIsNamedAsTheOneWhoDoes(version: String) async throws {
        let server = try TLSServer(.server(), arguments: ["-Verify", "1", "-verify_return_error", version])
        let key = try APIKey()
        let error = try await call([server.endpoint], trust: .certificateFile(server.certificate), credential: .apiKey(key))
        guard case .clientRefused(server.endpoint, let certificate, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(certificate == "the certificate of its API key (identity \(key.identity))")
        #expect(reason.contains("the server"))
        #expect(reason.contains("this client's certificate"))
    }

    @Test func filesWorkAsACredential() async throws {
        let server = try TLSServer(.server(), arguments: ["-Verify", "1", "-naccept", "1"])
        let client = try Deployment.makeClient("client", in: server.directory)
        let error = try await call(
            [server.endpoint], trust: .certificateFile(server.certificate),
            credential: .files(certificate: client.certificate, key: client.key))
        #expect(isHandshakeDone(error, server.endpoint))
        #expect(server.finish().contains("CN = \(client.identity)"))
    }

    @Test(arguments: ["correct horse", "h\u{F6}rse"])
    func anEncryptedKeyNeedsItsPassword(text: String) async throws {
        let directory = try TemporaryDirectory()
        let apiKey = try APIKey()
        let key = try PrivateKey(apiKey)
        let certificate = try directory.write(SelfSignedCertificate(.server(), key: key).pem, to: "c")
        let password = SecretText.assemble([.plain(text)])
        let path = directory.file("k")
        try key.pem(password: password).withUnsafeBytes { _ = try directory.write([UInt8]($0), to: "k") }

        let endpoints = [try Endpoint("127.0.0.1:1")]
        _ = try KESClient(endpoints: endpoints, credential: .files(certificate: certificate, key: path, password: password))
        for wrong in [nil, SecretText.assemble([.plain("wrong")])] {
            #expect(throws: KESError.self) {
                try KESClient(endpoints: endpoints, credential: .files(certificate: certificate, key: path, password: wrong))
            }
        }
    }

    @Test func aPortWithoutAServerIsUnreachable() async throws {
        let port = try ClosedPort()
        guard case .unreachable(port.endpoint, let reason) = try await call([port.endpoint], trust: .system) else {
            Issue.record("not unreachable")
            return
        }
        #expect(reason.hasPrefix("connection refused"))
    }

    @Test func theNextEndpointIsTriedWhenOneCannotBeUsed() async throws {
        let (closed, server) = (try ClosedPort(), try TLSServer(.server()))
        let other = try TLSServer(.server())
        let error = try await call(
            [closed.endpoint, other.endpoint, server.endpoint], trust: .certificateFile(server.certificate))
        #expect(isHandshakeDone(error, server.endpoint))
    }

    @Test func whenNoEndpointCanBeUsedEachOneIsAccountedFor() async throws {
        let (closed, server) = (try ClosedPort(), try TLSServer(.server()))
        let error = try await call([closed.endpoint, server.endpoint], trust: .system)
        guard case .allEndpointsFailed(let errors) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(errors.count == 2)
        #expect(untrusted(errors.last, server.endpoint)?.kind == .selfSigned)
    }

    @Test func filesThatDoNotExistAreNamedBeforeAnyCall() throws {
        let endpoint = [try Endpoint("127.0.0.1:1")]
        let error = #expect(throws: KESError.self) {
            try KESClient(endpoints: endpoint, credential: .none, trust: .certificateFile("/nonexistent/ca.crt"))
        }
        #expect(error == .invalidCredential("cannot read /nonexistent/ca.crt: No such file or directory"))
        #expect(throws: KESError.self) { try KESClient(endpoints: [], credential: .none) }
    }
}
