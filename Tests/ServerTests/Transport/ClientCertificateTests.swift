import Credentials
import Glibc
import TestSupport
import Testing

/// Who gets in, and who they are taken for.
@Suite struct ClientCertificateTests {
    private let deployment: Deployment
    private let certificates: ClientCertificates

    init() throws {
        deployment = try Deployment()
        certificates = ClientCertificates(deployment)
    }

    private func start(_ more: String = "") throws -> ServerProcess {
        try deployment.configure(keystore: "mem: {}", more: more)
        return try ServerProcess(deployment)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func withoutACertificateThereIsNoConnection(flag: String) throws {
        let server = try start()
        let answer = try server.curl("/version", as: nil, [flag])
        #expect(answer.status == 0)
        #expect(answer.code != 0)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func whereSomeRouteNeedsNoneTheOthersStillDo(flag: String) throws {
        let server = try start("api: { /v1/ready: { skip_auth: true } }")
        #expect(try server.curl("/v1/ready", as: nil, [flag]).status == 200)
        #expect(try server.curl("/version", as: nil, [flag]).status == 200)
        for path in ["/v1/status", "/v1/identity/self/describe", "/v1/key/list/"] {
            let answer = try server.curl(path, as: nil, [flag])
            #expect(answer.status == 400)
            #expect(answer.body == #"{"message":"tls: client certificate is required"}"#)
        }
    }

    /// It needs no policy anyway, but without this no client gets as far as to ask for it.
    @Test(arguments: ["--http1.1", "--http2"])
    func theVersionAloneCanBeOpenToEverybody(flag: String) throws {
        let server = try start("api: { /version: { skip_auth: true } }")
        #expect(try server.curl("/version", as: nil, [flag]).status == 200)
        #expect(try server.curl("/v1/ready", as: nil, [flag]).status == 400)
    }

    @Test func theCertificateOfAnAuthorityIsNoIdentity() throws {
        let server = try start()
        let authority = try certificates.selfSigned("authority", isAuthority: true)
        for (number, flag) in ["--http1.1", "--http2"].enumerated() {
            let answer = try server.curl("/v1/key/describe/\(number)", as: authority, [flag])
            #expect(answer.status == 400)
            #expect(answer.body == #"{"message":"tls: client certificate is required"}"#)
            let line = try server.errorLine(containing: "path=/v1/key/describe/\(number)")
            #expect(
                line.contains(
                    "INFO request refused: the client's certificate 'CN=authority' is an authority's (CA:TRUE), which is nobody's identity; "
                        + "make one with -addext basicConstraints=critical,CA:FALSE or 'kes identity new' ip=127.0.0.1 "),
                "\(line)")
        }
    }

    @Test func twoIdentitiesAreOneTooMany() throws {
        let server = try start()
        let admin = deployment.admin
        let both = try certificates.chain("both", [admin.certificate, deployment.user.certificate], key: admin.key)
        let answer = try server.curl("/v1/status", as: both)
        #expect(answer.status == 400)
        #expect(answer.body == #"{"message":"tls: received more than one client certificate"}"#)
    }

    /// The handshake proves the leaf's key only. Whoever has seen the administrator's certificate could append it.
    @Test func aCertificateThatIsNotTheLeafIsNobodysIdentity() throws {
        let server = try start()
        let mallory = try certificates.selfSigned("mallory", isAuthority: true)
        let forged = try certificates.chain("forged", [mallory.certificate, deployment.admin.certificate], key: mallory.key)
        let answer = try server.curl("/v1/status", as: forged)
        #expect(answer.status == 400)
        #expect(answer.body == #"{"message":"tls: client certificate is required"}"#)
    }

    /// Only that the client has its key counts.
    @Test func withAuthOffAnyCertificateWillDo() throws {
        let server = try start()
        _ = try certificates.selfSigned("authority", isAuthority: true)
        for client in [
            try certificates.selfSigned("alone", isAuthority: false),
            try certificates.signed("unknown", by: "authority", usage: "clientAuth", days: 1),
            try certificates.signed("expired", by: "authority", usage: "clientAuth", days: -1),
            try certificates.signed("server-only", by: "authority", usage: "serverAuth", days: 1),
        ] {
            for flag in ["--http1.1", "--http2"] {
                #expect(try server.curl("/version", as: client, [flag]).status == 200, "\(client.certificate)")
            }
        }
    }

    /// OpenSSL's variable names the system's roots.
    @Test func withAuthOnTheSystemsRootsAreTrusted() throws {
        _ = try certificates.selfSigned("authority", isAuthority: true)
        let good = try certificates.signed("good", by: "authority", usage: "clientAuth", days: 1)
        try certificates.configure("auth: on")
        for (roots, status) in [(deployment.directory.file("authority.crt"), 200), (deployment.serverCertificate, 0)] {
            let server = try ServerProcess(deployment, environment: ["SSL_CERT_FILE": roots])
            #expect(try server.curl("/version", as: good).status == status)
        }
    }

    @Test func withAuthOnTheChainHasToLeadToAnAuthority() throws {
        let deployment = self.deployment
        _ = try certificates.selfSigned("authority", isAuthority: true)
        let good = try certificates.signed("good", by: "authority", usage: "clientAuth", days: 1)
        let expired = try certificates.signed("expired", by: "authority", usage: "clientAuth", days: -1)
        let wrongUsage = try certificates.signed("server-only", by: "authority", usage: "serverAuth", days: 1)
        try certificates.configure("auth: on, ca: \(deployment.directory.file("authority.crt"))")
        let server = try ServerProcess(deployment)
        // Trusted, and in no policy.
        #expect(try server.curl("/v1/status", as: good).status == 403)
        #expect(try server.curl("/version", as: good).status == 200)
        for refused in [expired, wrongUsage, deployment.admin] {
            let answer = try server.curl("/version", as: refused)
            #expect(answer.status == 0, "\(refused.certificate)")
            #expect(answer.code != 0)
        }
    }

    /// A client that resumes a session sends no certificates again, but the ones between its own and the authority still count.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func withAuthOnASessionIsResumedByAClientWithAnIntermediate(version: String) throws {
        _ = try certificates.selfSigned("authority", isAuthority: true)
        try deployment.directory.write("basicConstraints=critical,CA:TRUE\n", to: "authority.ext")
        try certificates.openssl([
            "req", "-newkey", "ed25519", "-nodes", "-keyout", "middle.key", "-out", "middle.csr", "-subj", "/CN=middle",
        ])
        try certificates.openssl([
            "x509", "-req", "-in", "middle.csr", "-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial", "-out",
            "middle.crt", "-days", "1", "-extfile", "authority.ext",
        ])
        let leaf = try certificates.signed("leaf", by: "middle", usage: "clientAuth", days: 1)
        try certificates.configure("auth: on, ca: \(deployment.directory.file("authority.crt"))")
        let server = try ServerProcess(deployment)
        func connect(_ session: [String]) throws -> CommandResult {
            try run(
                "openssl",
                [
                    "s_client", "-connect", "127.0.0.1:\(server.port)", version, "-cert", leaf.certificate, "-key", leaf.key,
                    "-cert_chain", deployment.directory.file("middle.crt"), "-ign_eof",
                ] + session,
                input: Array("GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
        }
        let file = deployment.directory.file("session")
        let first = try connect(["-sess_out", file])
        #expect(first.text.contains("HTTP/1.1 200 OK"), "\(first.text)\(first.errorText)")
        let second = try connect(["-sess_in", file])
        #expect(second.text.contains("Reused, TLSv1"))
        #expect(second.text.contains("HTTP/1.1 200 OK"), "\(second.text)\(second.errorText)")
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func onlyAProxyIsBelievedWhomItSpeaksFor(flag: String) throws {
        try configureProxy()
        let server = try ServerProcess(deployment)
        let headers = [flag, "-H", "X-Tls-Client-Cert: \(try forwardedAdmin())", "-H", "X-Forwarded-For: 6.6.6.6, 10.1.2.3"]
        let forwarded = try server.curl("/v1/identity/self/describe", as: deployment.stranger, headers)
        #expect(forwarded.status == 200)
        #expect(forwarded.body.contains("\"identity\":\"\(deployment.admin.identity)\""))
        let event = try server.auditEvent(containing: "self/describe")
        #expect(event.contains("\"ip\":\"10.1.2.3\""))
        #expect(event.contains("\(deployment.admin.identity)"))
        // The proxy itself is nobody, and anyone else's header means nothing.
        #expect(try server.curl("/v1/status", as: deployment.stranger, [flag]).status == 400)
        let pretender = try server.curl("/v1/identity/self/describe", as: deployment.user, headers)
        #expect(pretender.body.contains("\"identity\":\"\(deployment.user.identity)\""))
    }

    /// As Go's `url.QueryEscape` writes it: a plus for each space.
    @Test func aForwardedCertificateMayBeEncodedAsFormsAre() throws {
        try configureProxy()
        let server = try ServerProcess(deployment)
        let text = String(decoding: try readFile(deployment.admin.certificate), as: UTF8.self)
        let form = text.replacing("+", with: "%2B").replacing(" ", with: "+").replacing("\n", with: "%0A").replacing(
            "=", with: "%3D")
        let answer = try server.curl(
            "/v1/identity/self/describe", as: deployment.stranger, ["-H", "X-Tls-Client-Cert: \(form)"])
        #expect(answer.status == 200 && answer.body.contains("\"identity\":\"\(deployment.admin.identity)\""))
    }

    @Test(
        arguments: [
            ([], "forwarded no certificate"), (["garbage"], "forwarded what is not one percent-encoded PEM certificate"),
            (["%+5"], "forwarded what is not one percent-encoded PEM certificate"), (["a", "b"], "more than one"),
        ], ["--http1.1", "--http2"])
    func whatAProxySaysWronglyIsToldOf(says: (values: [String], problem: String), flag: String) throws {
        let (values, problem) = says
        try configureProxy()
        let server = try ServerProcess(deployment)
        let headers = values.flatMap { ["-H", "X-Tls-Client-Cert: \($0)"] }
        let answer = try server.curl("/v1/status", as: deployment.stranger, [flag] + headers)
        #expect(answer.status == 400 && answer.version == (flag == "--http2" ? "2" : "1.1"))
        let line = try server.errorLine(containing: "request refused: the TLS proxy")
        #expect(line.contains(problem) && line.contains("X-Tls-Client-Cert") && line.contains("\(deployment.stranger.identity)"))
    }

    /// As a proxy sends that appends a value of its own to what its client sent.
    @Test(arguments: [",", ", ", "%0A", "%20"], ["--http1.1", "--http2"])
    func ofTwoCertificatesInOneFieldNeitherIsBelieved(separator: String, flag: String) throws {
        try configureProxy()
        let server = try ServerProcess(deployment)
        let admin = try forwardedAdmin()
        let own = try certificates.forwarded(deployment.user)
        for (header, status) in [("\(admin)\(separator)\(own)", 400), ("\(admin)%0A", 200), ("\(admin)x", 400)] {
            let answer = try server.curl(
                "/v1/identity/self/describe", as: deployment.stranger, [flag, "-H", "X-Tls-Client-Cert: \(header)"])
            #expect(answer.status == status, "\(answer.body)")
        }
    }

    /// One of them is the client's own, and nobody knows which.
    @Test(arguments: ["--http1.1", "--http2"])
    func ofTwoForwardedCertificatesNoneIsBelieved(flag: String) throws {
        try configureProxy()
        let server = try ServerProcess(deployment)
        let admin = ["-H", "X-Tls-Client-Cert: \(try forwardedAdmin())"]
        #expect(try server.curl("/v1/status", as: deployment.stranger, [flag] + admin).status == 200)
        #expect(try server.curl("/v1/status", as: deployment.stranger, [flag] + admin + admin).status == 400)
        let garbage = ["-H", "X-Tls-Client-Cert: a"]
        #expect(try server.curl("/v1/status", as: deployment.stranger, [flag] + garbage + admin).status == 400)
    }

    /// What a proxy said before a reload is not believed after one that took its role away: not of a request whose body comes then, and
    /// not of one whose answer goes on.
    @Test func aProxyThatIsNoneAnyMoreIsNotBelieved() throws {
        try configureProxy()
        let server = try ServerProcess(deployment)
        let conversation = try HTTP1Conversation(with: server, as: deployment.stranger)
        let head = "Host: x\r\nX-Tls-Client-Cert: \(try forwardedAdmin())\r\n"
        let rule = #"{"allow":{"/v1/*":{}}}"#
        let fields = "\(head)Content-Length: \(rule.utf8.count)\r\nExpect: 100-continue\r\n"
        #expect(try conversation.ask("PUT /v1/policy/write/backdoor HTTP/1.1\r\n\(fields)\r\n").status == 100)
        let follower = try RawTLSClient(port: server.port, as: deployment.stranger)
        follower.send(Array("GET /v1/log/audit HTTP/1.1\r\n\(head)\r\n".utf8))
        #expect(follower.read { String(decoding: $0, as: UTF8.self).contains("/v1/log/audit") })

        try deployment.configure(keystore: "mem: {}")
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "the configuration was reloaded")
        #expect(String(decoding: follower.readToEnd(), as: UTF8.self).hasSuffix("0\r\n\r\n"))
        #expect(try conversation.ask(rule).status == 400)
        #expect(try server.curl("/v1/policy/list/", as: deployment.admin).body.contains("backdoor") == false)
    }

    /// The stranger becomes a proxy.
    private func configureProxy() throws {
        try certificates.configure("proxy: { identities: [ \(deployment.stranger.identity) ] }")
    }

    private func forwardedAdmin() throws -> String { try certificates.forwarded(deployment.admin) }
}
