import Credentials
import Host
import SecureBytes
import TestSupport
import Testing

@Suite("Identities that a configuration names, and the certificates beside it")
struct IdentityCheckTests {
    private static let day: Int64 = 86_400
    private static let now: Int64 = 1_800_000_000

    private let directory: TemporaryDirectory
    private let identity: Identity

    /// A directory with a server's key and certificate, and with a client's certificate.
    init() throws {
        directory = try TemporaryDirectory("kes-check")
        let key = try PrivateKey(generating: .ed25519)
        try directory.write(key.pem().withUnsafeBytes { Array($0) }, to: "server.key")
        try directory.write(Self.certificate(days: 365, key: key), to: "server.crt", mode: 0o644)
        let client = try PrivateKey(generating: .ed25519)
        identity = try client.identity()
        try directory.write(Self.certificate(days: 365, key: client), to: "client.crt", mode: 0o644)
        try directory.write(Self.certificate(days: -1, key: client), to: "old.pem", mode: 0o644)
        try directory.write(Self.certificate(days: 3, key: client), to: "soon.cert", mode: 0o644)
        try directory.write("no certificate", to: "broken.crt", mode: 0o644)
    }

    private static func certificate(days: Int64, key: PrivateKey) throws -> [UInt8] {
        let template = CertificateTemplate(
            commonName: "name", dnsNames: ["localhost"], usage: .clientAndServer, notBefore: now - 30 * day,
            validity: (30 + days) * day)
        return try SelfSignedCertificate(template, key: key).pem
    }

    /// What a file with these policies in line 7 is warned of. The directory's name is another in each run.
    private func warnings(_ policies: String, admin: String = "disabled") throws -> [String] {
        let text = """
            tls:
              key: \(directory.file("server.key"))
              cert: \(directory.file("server.crt"))
            admin:
              identity: \(admin)
            keystore: { mem: {} }
            policy: { \(policies) }
            """
        return ConfigurationCheck(try parse(text), now: Self.now).warnings.map {
            $0.description.replacing(directory.path, with: "D")
        }
    }

    private func description(_ file: String) throws -> CertificateDescription {
        try readFile(directory.file(file)).withUnsafeBytes { try CertificateDescription(pem: $0) }
    }

    @Test("A certificate's fingerprint is no identity, nor is the digest of its file")
    func fingerprints() throws {
        let fingerprint = try #require(Identity(digest: try description("client.crt").fingerprint))
        let digest = try readFile(directory.file("client.crt")).withUnsafeBytes { try Identity(sha256Of: $0) }
        let advice =
            "and not of the public key in it: no client has it; write \(identity), which 'kes identity of D/client.crt' prints"
        let found = try warnings("p: { identities: [ \(fingerprint) ] }", admin: "\(digest)")
        #expect(
            found == [
                "kes.yml:5:13: the identity \(digest) is the SHA-256 of the file 'D/client.crt', \(advice)",
                "kes.yml:7:30: the identity \(fingerprint) is the SHA-256 of the certificate in 'D/client.crt', \(advice)",
            ])
    }

    @Test("The fingerprint is the one that openssl prints")
    func agreement() throws {
        let printed = try run("openssl", ["x509", "-in", directory.file("client.crt"), "-noout", "-fingerprint", "-sha256"]).text
        let digits = printed.split(separator: "=").last?.filter(\.isHexDigit).lowercased()
        let fingerprint = try #require(Identity(digest: try description("client.crt").fingerprint))
        #expect(digits == fingerprint.description)
        // As it is printed it is no identity either, and silently there would be no administrator.
        let colons = String(printed.split(separator: "=")[1].dropLast())
        #expect(try warnings("", admin: "\"\(colons)\"").first?.contains("'admin.identity' is no identity") == true)
    }

    @Test("Certificates that have expired or will soon are told of, with the identity")
    func expiry() throws {
        let found = try warnings("p: { identities: [ \(identity) ] }")
        #expect(
            found == [
                "kes.yml:7:30: the identity \(identity) has a certificate in 'D/old.pem' that expired at 2027-01-14T08:00:00Z; make another",
                "kes.yml:7:30: the identity \(identity) has a certificate in 'D/soon.cert' that expires at 2027-01-18T08:00:00Z, in 3 days; "
                    + "make another in time",
            ])
    }

    @Test("A client's certificate that is an authority's is told of")
    func authority() throws {
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", directory.file("ca.key"), "-out",
                directory.file("ca.crt"),
                "-subj", "/CN=me", "-days", "36500", "-addext", "basicConstraints=critical,CA:TRUE",
            ])
        try #require(made.code == 0, "\(made.errorText)")
        let owner = try description("ca.crt").identity
        #expect(
            try warnings("p: { identities: [ \(owner) ] }") == [
                "kes.yml:7:30: the identity \(owner) has a certificate in 'D/ca.crt' that is an authority's (CA:TRUE): the server takes no client "
                    + "for its owner; make another with basicConstraints=critical,CA:FALSE"
            ])
    }

    @Test("A policy that no identity has is told of")
    func unusedPolicies() throws {
        #expect(
            try warnings("unused: { allow: [ /v1/status ] }") == [
                "kes.yml:7:19: 'policy.unused': no identity has this policy; add those of its clients as 'identities'"
            ])
    }
}
