import Credentials
import Glibc
import TestSupport
import Testing

/// Whom the server trusts with `tls.auth: on`, and for how long.
@Suite struct ClientTrustTests {
    private let deployment: Deployment
    private let certificates: ClientCertificates

    init() throws {
        deployment = try Deployment()
        certificates = ClientCertificates(deployment)
        _ = try certificates.selfSigned("authority", isAuthority: true)
    }

    private var authority: String { deployment.directory.file("authority.crt") }

    /// The proxy has looked at no authority, and cannot look at this server's.
    @Test(arguments: ["--http1.1", "--http2"])
    func aForwardedCertificateHasToPassAsIfTheClientCameItself(flag: String) throws {
        let proxy = try certificates.signed("proxy", by: "authority", usage: "clientAuth", days: 1)
        let good = try certificates.signed("good", by: "authority", usage: "clientAuth", days: 1)
        let expired = try certificates.signed("expired", by: "authority", usage: "clientAuth", days: -1)
        let wrongUsage = try certificates.signed("server-only", by: "authority", usage: "serverAuth", days: 1)
        let owner = try run(kesPath(), ["identity", "of", proxy.certificate]).text.filter { $0 != "\n" }
        try certificates.configure("auth: on, ca: \(authority), proxy: { identities: [ \(owner) ] }")
        let server = try ServerProcess(deployment)
        func status(_ client: Deployment.Client) throws -> Int {
            try server.curl(
                "/v1/status", as: proxy,
                [flag, "-H", "X-Tls-Client-Cert: \(try certificates.forwarded(client))"]
            ).status
        }
        for (client, reason) in [
            (expired, "certificate has expired"), (wrongUsage, "extended key usage"),
            (deployment.admin, "add the certificate of its issuer"),
        ] {
            // The second time out of what is remembered, if it were.
            for _ in 0..<2 { #expect(try status(client) == 400) }
            let line = try server.errorLine(containing: reason)
            #expect(line.contains("the TLS proxy forwarded a certificate that is not accepted in 'X-Tls-Client-Cert'"), "\(line)")
        }
        // Known, and in no policy.
        for _ in 0..<2 { #expect(try status(good) == 403) }
        #expect(server.stop() == 0)
    }

    @Test func aForwardedCertificateIsCheckedAgainWhenAnAuthorityGoes() throws {
        let speaker = try certificates.signed("proxy", by: "authority", usage: "clientAuth", days: 1)
        let owner = try run(kesPath(), ["identity", "of", speaker.certificate]).text.filter { $0 != "\n" }
        // A certificate that is trusted itself has no authority but that.
        let trusted = try deployment.directory.write(
            readFile(authority) + readFile(deployment.user.certificate), to: "trusted.crt", mode: 0o644)
        try certificates.configure("auth: on, ca: \(trusted), proxy: { identities: [ \(owner) ] }")
        let server = try ServerProcess(deployment)
        let head = "Host: x\r\nX-Tls-Client-Cert: \(try certificates.forwarded(deployment.user))\r\n"
        let follower = try RawTLSClient(port: server.port, as: speaker)
        follower.send(Array("GET /v1/log/audit HTTP/1.1\r\n\(head)\r\n".utf8))
        #expect(follower.read { String(decoding: $0, as: UTF8.self).contains("/v1/log/audit") })
        let conversation = try HTTP1Conversation(with: server, as: speaker)
        #expect(try conversation.ask("GET /v1/identity/self/describe HTTP/1.1\r\n\(head)\r\n").status == 200)

        try deployment.directory.write(readFile(authority), to: "trusted.crt", mode: 0o644)
        try server.errorLine(containing: "the TLS files have changed and were read again")
        #expect(String(decoding: follower.readToEnd(), as: UTF8.self).hasSuffix("0\r\n\r\n"))
        #expect(try conversation.ask("GET /v1/identity/self/describe HTTP/1.1\r\n\(head)\r\n").status == 400)
        #expect(server.stop() == 0)
    }

    /// One that is trusted goes on undisturbed.
    @Test(arguments: [false, true])
    func openConnectionsEndWhoseClientsWouldNotBeLetInAnyMore(byReload: Bool) throws {
        let good = try certificates.signed("good", by: "authority", usage: "clientAuth", days: 1)
        let other = try certificates.selfSigned("other-authority", isAuthority: true)
        let stranger = try certificates.signed("stranger", by: "other-authority", usage: "clientAuth", days: 1)
        let both = try deployment.directory.write(
            readFile(authority) + readFile(other.certificate), to: "both.crt", mode: 0o644)
        try certificates.configure(byReload ? "auth: off" : "auth: on, ca: \(both)")
        let server = try ServerProcess(deployment)
        let (trusted, withdrawn) = (
            try HTTP1Conversation(with: server, as: good), try HTTP1Conversation(with: server, as: stranger)
        )
        let request = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
        for client in [trusted, withdrawn] { #expect(try client.ask(request).status == 200) }

        if byReload {
            try certificates.configure("auth: on, ca: \(authority)")
            server.process.signal(SIGHUP)
            try server.errorLine(containing: "the configuration was reloaded")
        } else {
            try deployment.directory.write(readFile(authority), to: "both.crt", mode: 0o644)
            try server.errorLine(containing: "the TLS files have changed and were read again")
        }
        let line = try server.errorLine(containing: "client certificate refused: 'CN=stranger'")
        #expect(line.contains("ip=127.0.0.1"))
        #expect(throws: HTTP1Conversation.NoAnswer.self) { try withdrawn.ask(request) }
        #expect(try trusted.ask(request).status == 200)
        #expect(server.stop() == 0)
    }

    /// In TLS 1.3 it is refused when it holds its session for good, so that it would come with it for ever.
    @Test func aClientWithAnotherCertificateGetsInThoughItsSessionIsRefused() throws {
        let good = try certificates.signed("good", by: "authority", usage: "clientAuth", days: 1)
        // It expires while there is a session with it: seconds are the finest that certificates have.
        let template = CertificateTemplate(commonName: "brief", usage: .client, notBefore: Int64(time(nil)) - 60, validity: 63)
        let key = try PrivateKey(generating: .ed25519)
        try deployment.directory.write(SelfSignedCertificate(template, key: key).pem, to: "brief.crt", mode: 0o644)
        try key.pem().withUnsafeBytes { _ = try deployment.directory.write([UInt8]($0), to: "brief.key") }
        let brief = certificates.client("brief")
        let trusted = try deployment.directory.write(
            readFile(authority) + readFile(brief.certificate), to: "trusted.crt", mode: 0o644)
        try certificates.configure("auth: on, ca: \(trusted)")
        let server = try ServerProcess(deployment)
        let session = deployment.directory.file("session")
        func connect(_ client: Deployment.Client, _ options: [String]) throws -> CommandResult {
            try run(
                "openssl",
                [
                    "s_client", "-connect", "127.0.0.1:\(server.port)", "-tls1_3", "-cert", client.certificate, "-key",
                    client.key,
                    "-ign_eof",
                ] + options, input: Array("GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
        }
        #expect(try connect(brief, ["-sess_out", session]).text.contains("HTTP/1.1 200 OK"))
        while try connect(brief, []).text.contains("HTTP/1.1 200 OK") {}
        let refused = try connect(good, ["-sess_in", session])
        #expect(refused.text.contains("Reused, TLSv1.3") && !refused.text.contains("HTTP/1.1 200 OK"), "\(refused.text)")
        try server.errorLine(containing: "TLS handshake failed: client certificate refused: 'CN=brief'")
        let again = try connect(good, ["-sess_in", session])
        #expect(again.text.contains("New, TLSv1.3") && again.text.contains("HTTP/1.1 200 OK"), "\(again.text)")
        #expect(server.stop() == 0)
    }

    /// As long as TLS allows it, it took 40 times as long as another handshake, and stayed in memory.
    @Test func whatComesWithACertificateHasALimit() throws {
        try certificates.configure("auth: off")
        let server = try ServerProcess(deployment)
        for (count, status) in [(9, 200), (10, 0)] {
            let client = try certificates.chain(
                "chain-\(count)", [deployment.user.certificate] + Array(repeating: authority, count: count),
                key: deployment.user.key)
            #expect(try server.curl("/v1/status", as: client).status == status)
        }
        try server.errorLine(containing: "client certificate refused: the certificates that come are too many or too long")
    }

    /// A stranger chooses it, with each of its handshakes.
    @Test func aLongNameIsNotToldInFull() throws {
        try deployment.directory.write(
            "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n"
                + (0..<100).map { "\($0).OU=\(String(repeating: "x", count: 60))" }.joined(separator: "\n") + "\n", to: "long.cnf"
        )
        try certificates.openssl([
            "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "long.key", "-out", "long.crt", "-config", "long.cnf",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        try certificates.configure("auth: on, ca: \(authority)")
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/version", as: certificates.client("long")).status == 0)
        let line = try server.errorLine(containing: "client certificate refused")
        #expect(line.utf8.count < 1200 && line.contains("OU=xxx"), "\(line)")
    }
}
