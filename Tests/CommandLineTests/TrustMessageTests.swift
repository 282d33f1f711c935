import Credentials
import Glibc
import TestSupport
import Testing

/// What the command line says when client and server do not trust each other: which certificate, trusted by whom, and what helps.
@Suite struct TrustMessageTests {
    private let advice = ", or skip the check with -k (--insecure)\n"

    /// A server whose certificate says what `template` says.
    private func server(_ template: CertificateTemplate, more: String = "") throws -> ServerProcess {
        let deployment = try Deployment()
        let key = try PrivateKey(generating: .ecdsaP256)
        try deployment.directory.write(SelfSignedCertificate(template, key: key).pem, to: "server.crt")
        try key.pem().withUnsafeBytes { _ = try deployment.directory.write([UInt8]($0), to: "server.key") }
        try deployment.configure(keystore: "mem: {}", more: more)
        return try ServerProcess(deployment)
    }

    private func template(_ addresses: [String] = ["127.0.0.1"]) -> CertificateTemplate {
        CertificateTemplate(
            commonName: "kes.example.com", dnsNames: ["kes.example.com"], ipAddresses: addresses, usage: .clientAndServer,
            notBefore: Int64(time(nil)) - 60, validity: 3600)
    }

    private func error(_ environment: [String: String]) throws -> String {
        let result = try kes("key", "ls", environment: environment)
        #expect(result.code == 1)
        #expect(result.output.isEmpty)
        return result.errorText
    }

    @Test func aSelfSignedCertificate() throws {
        let server = try server(template())
        let address = "127.0.0.1:\(server.port)"
        let other = server.deployment.user.certificate
        let text = try error(["KES_SERVER": address, "KES_API_KEY": Sample.apiKey, "SSL_CERT_FILE": other])
        let start =
            "Error: failed to list keys: the TLS certificate of the server \(address) (CN=kes.example.com) is not trusted by this "
        #expect(text.hasPrefix(start + "client, which trusts "))
        #expect(text.contains("\(other) (SSL_CERT_FILE): it is self-signed. "))
        #expect(text.hasSuffix(". Set SSL_CERT_FILE to a file with this certificate, which the server has as tls.cert" + advice))
    }

    @Test func anotherName() throws {
        let server = try server(template())
        let text = try error([
            "KES_SERVER": "localhost:\(server.port)", "KES_API_KEY": Sample.apiKey,
            "SSL_CERT_FILE": server.deployment.serverCertificate,
        ])
        #expect(
            text
                == "Error: failed to list keys: the TLS certificate of the server localhost:\(server.port) (CN=kes.example.com) is not made "
                + "out for \"localhost\" but for kes.example.com, 127.0.0.1. Call the server by a name or address that is in its "
                + "certificate (-s, KES_SERVER)" + advice)
    }

    @Test func anExpiredCertificate() throws {
        let directory = try TemporaryDirectory()
        let key = try PrivateKey(generating: .ecdsaP256)
        let template = CertificateTemplate(
            commonName: "old", ipAddresses: ["127.0.0.1"], usage: .clientAndServer, notBefore: 1_600_000_000, validity: 86_400)
        try directory.write(SelfSignedCertificate(template, key: key).pem, to: "server.crt")
        try key.pem().withUnsafeBytes { _ = try directory.write([UInt8]($0), to: "server.key") }
        let server = try Subprocess(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", directory.file("server.crt"), "-key", directory.file("server.key"),
                "-Verify", "1", "-www",
            ])
        var shown = ""
        while !(shown.contains("ACCEPT ") && shown.hasSuffix("\n")) {
            let bytes = server.readOutput()
            try #require(!bytes.isEmpty)
            shown += String(decoding: bytes, as: UTF8.self)
        }
        let address = try #require(shown.firstMatch(of: /ACCEPT (127\.0\.0\.1:\d+)\n/)).output.1
        let text = try error([
            "KES_SERVER": String(address), "KES_API_KEY": Sample.apiKey, "SSL_CERT_FILE": directory.file("server.crt"),
        ])
        #expect(
            text
                == "Error: failed to list keys: the TLS certificate of the server \(address) (CN=old) expired on 2020-09-14T12:26:40Z. "
                + "Have the certificate of the server renewed (its tls.cert)" + advice)
    }

    @Test func anUnknownAuthority() throws {
        let authority = try Authority()
        let deployment = try Deployment()
        let files = try authority.issue("server", for: "127.0.0.1")
        try deployment.directory.write(readFile(files[1]), to: "server.crt")
        try deployment.directory.write(readFile(files[3]), to: "server.key")
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment)
        let environment = ["KES_SERVER": server.endpoint, "KES_API_KEY": deployment.admin.apiKey]
        let text = try error(environment)
        #expect(text.contains("(CN=server) is not trusted by this client"))
        #expect(
            text.hasSuffix(
                ": it was issued by \"CN=Keswick test authority\". Set SSL_CERT_FILE to a file with the certificate of that authority"
                    + advice))
        #expect(try kes("key", "ls", environment: environment.merging(["SSL_CERT_FILE": authority.certificate]) { $1 }).code == 0)
    }

    @Test func aServerThatRefusesTheClient() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment, arguments: ["--auth", "on"])
        let text = try error([
            "KES_SERVER": server.endpoint, "KES_API_KEY": Sample.apiKey, "SSL_CERT_FILE": deployment.serverCertificate,
        ])
        let start =
            "Error: failed to list keys: the server 127.0.0.1:\(server.port) refused this client with the certificate of its API key "
        #expect(text.hasPrefix(start + "(identity \(Sample.identity)): the server "), "\(text)")
        #expect(text.contains("Set KES_CLIENT_KEY and KES_CLIENT_CERT to a key and a certificate"))
    }

    @Test func noServerAtAll() throws {
        // Port 1 of this address is nobody's.
        #expect(
            try error(["KES_SERVER": "127.0.0.6:1", "KES_API_KEY": Sample.apiKey])
                == "Error: failed to list keys: cannot connect to 127.0.0.6:1: connection refused (is the server running, and is this "
                + "its address?)\n")
    }
}
