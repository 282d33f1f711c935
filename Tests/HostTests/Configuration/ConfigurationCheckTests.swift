import Credentials
import Host
import SecureBytes
import TestSupport
import Testing

@Suite("The files that a configuration names")
struct ConfigurationCheckTests {
    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_800_000_000

    private let directory: TemporaryDirectory
    private let key: PrivateKey

    /// A directory with a good key and certificate.
    init() throws {
        directory = try TemporaryDirectory("kes-check")
        key = try PrivateKey(generating: .ed25519)
        try writeKey(key.pem())
        try writeCertificate()
    }

    private func writeKey(_ pem: SecretBytes, mode: UInt32 = 0o600) throws {
        try directory.write(pem.withUnsafeBytes { Array($0) }, to: "server.key", mode: mode)
    }

    private func certificate(
        _ name: String = "server", dnsNames: [String] = ["localhost"], from: Int64 = -30, days: Int64 = 365,
        usage: CertificateTemplate.Usage = .clientAndServer, key: PrivateKey? = nil
    ) throws -> [UInt8] {
        let template = CertificateTemplate(
            commonName: name, dnsNames: dnsNames, usage: usage, notBefore: Self.now + from * Self.day, validity: days * Self.day)
        return try SelfSignedCertificate(template, key: key ?? self.key).pem
    }

    private func writeCertificate(_ pem: [UInt8]? = nil) throws {
        try directory.write(pem ?? certificate(), to: "server.crt", mode: 0o644)
    }

    /// Checks a file whose line 2 is the key, 3 the certificate, and 4 whatever `tls` says.
    private func check(tls: String = "", more: String = "") throws -> ConfigurationCheck {
        let text = """
            tls:
              key: \(directory.file("server.key"))
              cert: \(directory.file("server.crt"))
              \(tls)
            admin: { identity: disabled }
            keystore: { mem: {} }
            \(more)
            """
        return ConfigurationCheck(try parse(text), now: Self.now)
    }

    /// The entries without the directory, whose name is another in each run.
    private func texts(_ entries: [ConfigurationError]) -> [String] {
        entries.map { $0.description.replacing(directory.path, with: "D") }
    }

    @Test("A key and a certificate that go together are fine")
    func good() throws {
        let check = try check()
        #expect(check.errors == [])
        #expect(check.warnings == [])
    }

    @Test("A file that is not there is an error; for a relative path it says where it was looked for")
    func missing() throws {
        let check = ConfigurationCheck(try parse(minimalText), now: Self.now)
        #expect(check.errors.map { "\($0.line):\($0.column)" } == ["5:9", "4:8"])
        for (error, name) in zip(check.errors, ["'tls.cert': 'server.crt'", "'tls.key': 'server.key'"]) {
            #expect(
                error.message.hasPrefix(
                    "\(name) cannot be read: No such file or directory (looked for in the working directory '/"))
        }
    }

    @Test("A key of another certificate is an error")
    func mismatch() throws {
        try writeKey(PrivateKey(generating: .ecdsaP256).pem())
        #expect(
            texts(try check().errors) == [
                "kes.yml:2:8: 'tls.key': the private key in 'D/server.key' does not belong to the certificate 'CN=server'; "
                    + "name the key that the certificate was made for"
            ])
    }

    @Test("A chain with the server's certificate not first is an error that says so")
    func order() throws {
        try writeCertificate(certificate("issuer", key: PrivateKey(generating: .ecdsaP256)) + certificate())
        #expect(
            try check().errors.map(\.message).first?.hasSuffix(
                "belongs to another certificate of the chain: write that one first") == true)
    }

    @Test("A certificate without a DNS name and an IP address is an error")
    func noAlternativeName() throws {
        try writeCertificate(certificate(dnsNames: []))
        let errors = texts(try check().errors)
        #expect(errors.count == 1)
        #expect(
            errors.first?.hasPrefix("kes.yml:3:9: 'tls.cert': the certificate 'CN=server' has no DNS name and no IP address")
                == true)
    }

    @Test("An encrypted key needs its password")
    func password() throws {
        let password = SecretBytes(count: 6) { $0.copyBytes(from: "secret".utf8) }
        try writeKey(key.pem(password: password))
        #expect(try check(tls: "password: secret").errors == [])
        #expect(
            texts(try check(tls: "password: wrong").errors) == [
                "kes.yml:4:13: 'tls.password': the private key in 'D/server.key' does not open with this password, or is damaged"
            ])
        #expect(
            texts(try check().errors) == [
                "kes.yml:2:8: 'tls.key': the private key in 'D/server.key' is encrypted; write its password as 'tls.password'"
            ])
    }

    @Test("Files that hold something else are errors")
    func garbage() throws {
        try directory.write("not PEM", to: "server.key")
        try directory.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", to: "server.crt")
        let errors = texts(try check().errors)
        #expect(errors.count == 2)
        #expect(errors.first?.hasPrefix("kes.yml:3:9: 'tls.cert': 'D/server.crt' holds no certificate chain: ") == true)
        #expect(errors.last?.hasPrefix("kes.yml:2:8: 'tls.key': 'D/server.key' holds no private key") == true)
        try directory.write("", to: "server.crt")
        #expect(texts(try check().errors).first?.contains("'D/server.crt' holds no certificate; write PEM") == true)
    }

    @Test(
        "A certificate that has expired, soon will or is not valid yet is a warning",
        arguments: [
            (-400, 365, "expired at 2026-12-11T08:00:00Z; replace it"), (-360, 365, "expires at 2027-01-20T08:00:00Z, in 5 days"),
            (2, 365, "is not valid before 2027-01-17T08:00:00Z"),
        ] as [(Int64, Int64, String)])
    func validity(from: Int64, days: Int64, words: String) throws {
        try writeCertificate(certificate(from: from, days: days))
        let check = try check()
        #expect(check.errors == [])
        #expect(check.warnings.count == 1)
        #expect(check.warnings.first?.description.hasPrefix("kes.yml:3:9: 'tls.cert': the certificate 'CN=server' ") == true)
        #expect(check.warnings.first?.message.contains(words) == true, "\(check.warnings)")
    }

    @Test("A certificate for clients only and a key that everyone can read are warnings")
    func suspicious() throws {
        try writeCertificate(certificate(usage: .client))
        try writeKey(key.pem(), mode: 0o644)
        let check = try check()
        #expect(check.errors == [])
        #expect(check.warnings.map(\.line) == [3, 2])
        #expect(
            texts(check.warnings).last?.hasSuffix("can be read by every user of this machine; run 'chmod o-r D/server.key'")
                == true)
    }

    @Test("Authorities are a file or a directory with certificates; hidden files do not count")
    func authorities() throws {
        let authority = try certificate("authority", dnsNames: [])
        try directory.write(authority + authority, to: "ca.crt")
        #expect(try check(tls: "ca: \(directory.file("ca.crt"))").errors == [])
        let other = try TemporaryDirectory("kes-check-ca")
        let errors = try check(tls: "ca: \(other.path)").errors
        #expect(errors.map(\.message.utf8.count) != [] && errors.first?.message.contains("has no files") == true)
        try other.write(authority, to: "one.pem")
        try other.write("nothing", to: ".hidden")
        #expect(try check(tls: "ca: \(other.path)").errors == [])
        try other.write("nothing", to: "README")
        #expect(try check(tls: "ca: \(other.path)").errors.first?.message.contains("README' holds no certificate") == true)
        #expect(try check(tls: "ca: \(directory.file("none"))").errors.map(\.line) == [4])
    }

    @Test("The directory of the plugins must be one")
    func plugins() throws {
        #expect(try check(more: "plugins: { directory: \(directory.path) }").errors == [])
        #expect(
            texts(try check(more: "plugins: { directory: \(directory.file("none")) }").errors) == [
                "kes.yml:7:23: 'plugins.directory': 'D/none' cannot be used: No such file or directory"
            ])
        #expect(try check(more: "plugins: { directory: \(directory.file("server.crt")) }").errors.map(\.line) == [7])
    }

    @Test("Warnings about the text of the file are told as well")
    func textWarnings() throws {
        #expect(
            try check(more: "policy: { p: { deny: [ v1/x ], identities: [ \(adminIdentity) ] } }").warnings.map(\.line) == [7])
    }
}
