import Glibc
import TestSupport
import Testing

/// What the error log says about clients that do not get in, or not through.
@Suite struct DiagnosticsTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/key/*"], deny: ["/v1/key/delete/*"])
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func aRefusedRequestIsLoggedWithTheIdentityAndThePolicyThatDecided(flag: String) throws {
        let server = try ServerProcess(deployment)
        let (user, stranger) = (deployment.user, deployment.stranger)
        for (client, path, reason) in [
            (user, "/v1/status", "no allow pattern of policy 'user' matches"),
            (user, "/v1/key/delete/a", "policy 'user' denies '/v1/key/delete/*'"),
            (stranger, "/v1/ready", "identity \(stranger.identity) is not in any policy"),
        ] {
            let method = path.contains("delete") ? "DELETE" : "GET"
            #expect(try server.curl(path, as: client, [flag, "-X", method]).status == 403)
            let line = try server.errorLine(containing: "request refused: \(reason)")
            #expect(line.contains("path=\(path)") && line.contains("identity=\(client.identity)"))
        }
    }

    /// A control sequence of one character, a line separator, the mark that turns the direction of writing, and what looks like a member.
    @Test func aClientsPathCannotForgeLinesOrMembersOfTheLog() throws {
        let server = try ServerProcess(deployment)
        let path = "/v1/key/create/%C2%9B31m%C2%85%E2%80%A8%E2%80%AE%20identity=admin%22"
        #expect(try server.curl(path, as: deployment.stranger, ["-X", "PUT"]).status == 403)
        let line = try server.errorLine(containing: "request refused")
        #expect(
            line.hasSuffix(#" path="/v1/key/create/\u{9b}31m\u{85}\u{2028}\u{202e} identity=admin\"""#), "\(line)")
        // The same in the audit log, as JSON escapes it: whoever reads it, reads what the client sent.
        let event = try server.auditEvent(containing: "31m")
        #expect(
            event.contains(#""path":"/v1/key/create/\u009b31m\u0085\u2028\u202e identity=admin\"","#)
                && event.utf8.allSatisfy { $0 < 0x7f },
            "\(event)")
        #expect(try server.curl("/v1/key/create/%F0%9F%94%91%F3%A0%81%81", as: deployment.stranger, ["-X", "PUT"]).status == 403)
        // U+1F511 stands as it is. U+E0041, which nobody sees, does not, and takes two units of UTF-16.
        _ = try server.auditEvent(
            containing: #""path":"/v1/key/create/\u{1F511}\udb40\udc41","#.replacing(#"\u{1F511}"#, with: "\u{1F511}"))
    }

    @Test func aClientWithoutACertificateIsToldOf() throws {
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/version", as: nil).status == 0)
        let line = try server.errorLine(containing: "TLS handshake failed")
        #expect(line.contains("the client sent no certificate; give it one"))
        #expect(line.contains("ip=127.0.0.1"))
    }

    @Test(arguments: ["1.2", "1.3"])
    func aClientThatDoesNotTrustTheServerIsToldOf(version: String) throws {
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        // The client trusts another certificate only.
        let result = try run(
            "curl",
            [
                "-sS", "--tls-max", version, "--cacert", admin.certificate, "--cert", admin.certificate, "--key", admin.key,
                "\(server.endpoint)/version",
            ])
        #expect(result.code != 0)
        let line = try server.errorLine(containing: "TLS handshake failed")
        #expect(line.contains("the client does not trust this server's certificate 'CN="))
        #expect(line.contains("SSL_CERT_FILE"))
    }

    /// BoringSSL demands it of every client's certificate.
    @Test(arguments: ["1.2", "1.3"])
    func aCertificateWhoseKeyMayNotSignIsToldOf(version: String) throws {
        let server = try ServerProcess(deployment)
        let (certificate, key) = (deployment.directory.file("odd.crt"), deployment.directory.file("odd.key"))
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=odd",
                "-addext",
                "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,keyEncipherment",
            ])
        try #require(made.code == 0, "\(made.errorText)")
        let result = try run(
            "curl",
            [
                "-sS", "--tls-max", version, "--cacert", deployment.serverCertificate, "--cert", certificate, "--key", key,
                "\(server.endpoint)/version",
            ])
        #expect(result.code != 0)
        let line = try server.errorLine(containing: "TLS handshake failed")
        #expect(line.contains("a key usage without digitalSignature"))
    }

    @Test func plainHTTPIsToldOf() throws {
        let server = try ServerProcess(deployment)
        _ = try run("curl", ["-sS", "http://127.0.0.1:\(server.port)/version"])
        try server.errorLine(containing: "the client spoke HTTP without TLS")
    }

    @Test func withAuthOnARefusedCertificateIsNamedAndWhatWouldHelp() throws {
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        let parts = text.split(separator: "cert:", maxSplits: 1)
        let authority = deployment.serverCertificate
        try deployment.directory.write("\(parts[0])auth: on, ca: \(authority), cert:\(parts[1])", to: "config.yml")
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        #expect(try server.curl("/version", as: admin).status == 0)
        let line = try server.errorLine(containing: "client certificate refused")
        #expect(line.contains("'CN=\(admin.identity)' with the identity \(admin.identity)"))
        #expect(line.contains("not trusted by the system's authorities and those of tls.ca (\(authority))"))
        #expect(line.contains("add the certificate of its issuer 'CN=\(admin.identity)' to tls.ca"))
        #expect(line.contains("'tls.auth: off'"))
    }
}
