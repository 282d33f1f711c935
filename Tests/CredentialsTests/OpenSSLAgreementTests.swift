import Credentials
import SecureBytes
import TestSupport
import Testing

private let now: Int64 = 1_893_499_200

/// What Keswick makes, the `openssl` command reads and verifies.
@Suite struct OpenSSLAgreementTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func openssl(_ arguments: String..., input: [UInt8] = []) throws -> CommandResult {
        try run("openssl", arguments, input: input)
    }

    private func write(_ secret: SecretBytes, to name: String) throws -> String {
        try directory.write(secret.withUnsafeBytes { Array($0) }, to: name)
    }

    /// Trusts the certificate itself and verifies it, halfway through the first hour of its validity.
    private func verify(_ file: String, _ options: String...) throws -> Bool {
        let arguments =
            ["verify", "-partial_chain", "-check_ss_sig", "-attime", "\(now + 1800)", "-trusted", file] + options + [file]
        return try run("openssl", arguments).code == 0
    }

    @Test func anAPIKeysCertificateIsForClientsOnly() throws {
        let apiKey = try APIKey()
        let certificate = try SelfSignedCertificate(.client(now: now), key: PrivateKey(apiKey))
        let file = try directory.write(certificate.pem, to: "client.crt")
        let text = try openssl("x509", "-in", file, "-noout", "-text").text
        let lines = text.split(separator: "\n").map { $0.drop { $0 == " " } }
        for line in [
            "Version: 3 (0x2)", "Signature Algorithm: ED25519", "Issuer: CN = \(apiKey.identity)",
            "Subject: CN = \(apiKey.identity)",
            "Not Before: Jan  1 12:00:00 2030 GMT", "Not After : Apr  1 12:00:00 2030 GMT", "X509v3 Key Usage: critical",
            "Digital Signature", "X509v3 Extended Key Usage: ", "TLS Web Client Authentication",
            "X509v3 Basic Constraints: critical",
            "CA:FALSE",
        ] {
            #expect(lines.contains(Substring(line)), "\(line) in \(text)")
        }
        #expect(!text.contains("Alternative Name"))
        #expect(try verify(file, "-purpose", "sslclient"))
        #expect(try !verify(file, "-purpose", "sslserver"))
        // "serial=" and at most 32 digits.
        let serial = try openssl("x509", "-in", file, "-noout", "-serial").text
        #expect(serial.hasPrefix("serial=") && (20...40).contains(serial.count))
    }

    @Test(arguments: PrivateKey.Algorithm.allCases)
    func aServersCertificateIsForItsNames(algorithm: PrivateKey.Algorithm) throws {
        let template = CertificateTemplate(
            commonName: "server", dnsNames: ["localhost", "*.example.com"], ipAddresses: ["127.0.0.1", "::1"],
            usage: .clientAndServer,
            notBefore: now, validity: 720 * 3600)
        let key = try PrivateKey(generating: algorithm)
        let file = try directory.write(try SelfSignedCertificate(template, key: key).pem, to: "server.crt")
        for purpose in ["sslclient", "sslserver"] { #expect(try verify(file, "-purpose", purpose)) }
        for name in ["localhost", "a.example.com"] { #expect(try verify(file, "-verify_hostname", name)) }
        for address in ["127.0.0.1", "::1"] { #expect(try verify(file, "-verify_ip", address)) }
        #expect(try !verify(file, "-verify_hostname", "example.com"))
        #expect(try !verify(file, "-verify_ip", "127.0.0.2"))

        let keyFile = try write(key.pem(), to: "server.key")
        let publicKey = try openssl("pkey", "-in", keyFile, "-pubout").text
        #expect(publicKey.hasPrefix("-----BEGIN PUBLIC KEY-----"))
        #expect(try openssl("x509", "-in", file, "-noout", "-pubkey").text == publicKey)
    }

    @Test(arguments: PrivateKey.Algorithm.allCases)
    func anEncryptedPrivateKeyNeedsItsPassword(algorithm: PrivateKey.Algorithm) throws {
        let key = try PrivateKey(generating: algorithm)
        let plain = try write(key.pem(), to: "plain.key")
        let encrypted = try write(key.pem(password: SecretBytes("päss word".utf8)), to: "encrypted.key")
        let expected = try openssl("pkey", "-in", plain, "-pubout")
        #expect(expected.code == 0)
        #expect(try openssl("pkey", "-in", encrypted, "-passin", "pass:päss word", "-pubout").text == expected.text)
        #expect(try openssl("pkey", "-in", encrypted, "-passin", "pass:pass word", "-pubout").code != 0)
        let structure = try openssl("asn1parse", "-in", encrypted).text
        // 600,000 iterations are 0x0927c0.
        for part in [":PBES2", ":PBKDF2", ":0927C0", ":hmacWithSHA256", ":aes-256-cbc"] { #expect(structure.contains(part)) }
        #expect(throws: CredentialError.invalidPassword) { try key.pem(password: SecretBytes([])) }
    }

    @Test func theSeedOfAnAPIKeyIsThePrivateKey() throws {
        // RFC 8032, section 7.1, test 1.
        let seed: [UInt8] = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
            0x69,
            0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ]
        let key = try PrivateKey(APIKey(seed: SecretBytes(seed)))
        let text = try openssl("pkey", "-in", write(key.pem(), to: "rfc.key"), "-noout", "-text").text
        #expect(text.contains("d7:5a:98:01:82:b1:0a:b7:d5:4b:fe:d3:c9:64:07"))
    }
}

/// What the `openssl` command makes, Keswick reads.
@Suite struct ForeignCertificateTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// Makes a self-signed certificate and returns its PEM text.
    private func make(_ key: [String], _ extensions: [String] = [], subject: String = #"/O=Acme, Inc./CN=a\+b"#) throws -> [UInt8]
    {
        // A configuration of its own: the system's adds CA:TRUE.
        let configuration = try directory.write("[req]\ndistinguished_name=dn\n[dn]\n", to: "openssl.cnf")
        let arguments =
            ["req", "-x509", "-new", "-nodes", "-newkey"] + key
            + ["-keyout", directory.file("key"), "-subj", subject, "-days", "2", "-config", configuration]
        let made = try run("openssl", arguments + extensions.flatMap { ["-addext", $0] })
        try #require(made.code == 0, "\(made.errorText)")
        return made.output
    }

    @Test(arguments: [["ed25519"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], ["rsa:2048"]])
    func theIdentityIsTheDigestOfThePublicKey(key: [String]) throws {
        let pem = try make(key)
        let publicKey = try run("openssl", ["x509", "-noout", "-pubkey"], input: pem).output
        let der = try run("openssl", ["pkey", "-pubin", "-outform", "DER"], input: publicKey).output
        let digest = try run("openssl", ["dgst", "-sha256", "-r"], input: der).text.prefix(64)
        let certificate = try pem.withUnsafeBytes { try ClientCertificate(pem: $0) }
        #expect(certificate.identity.description == digest)
        let certificateDER = try run("openssl", ["x509", "-outform", "DER"], input: pem).output
        #expect(try certificateDER.withUnsafeBytes { try Identity(subjectPublicKeyInfoOf: $0) } == certificate.identity)
        #expect(try certificateDER.withUnsafeBytes { try ClientCertificate(der: $0) } == certificate)
    }

    @Test(arguments: [
        ([], false), (["basicConstraints=CA:FALSE"], false), (["basicConstraints=critical,CA:TRUE"], true),
        (["basicConstraints=CA:TRUE,pathlen:0"], true), (["keyUsage=keyCertSign"], false),
    ])
    func aCertificateAuthorityIsWhatBasicConstraintsSayIs(extensions: [String], isAuthority: Bool) throws {
        let pem = try make(["ed25519"], extensions)
        #expect(try pem.withUnsafeBytes { try ClientCertificate(pem: $0) }.isCertificateAuthority == isAuthority)
        #expect(try pem.withUnsafeBytes { try CertificateDescription(pem: $0) }.isCertificateAuthority == isAuthority)
    }

    @Test func basicConstraintsThatDoNotParseAreAnError() throws {
        let pem = try make(["ed25519"], ["basicConstraints=DER:0402ffff"])
        #expect(throws: CredentialError.self) { try pem.withUnsafeBytes { try ClientCertificate(pem: $0) } }
    }

    @Test func whatACertificateSaysIsRead() throws {
        let names =
            "subjectAltName=DNS:example.com,IP:10.0.0.1,email:a@example.com,IP:fe80::1,URI:https://x.example,DNS:localhost"
        let pem = try make(["ed25519"], [names, "extendedKeyUsage=serverAuth"])
        let description = try pem.withUnsafeBytes { try CertificateDescription(pem: $0) }
        #expect(description.subject == #"CN=a\+b,O=Acme\, Inc."#)
        #expect(description.dnsNames == ["example.com", "localhost"])
        #expect(description.ipAddresses == ["10.0.0.1", "fe80::1"])
        #expect(description.notAfter - description.notBefore == 2 * 86_400)
        #expect(description.allowsServerAuthentication && !description.allowsClientAuthentication)
        let plain = try make(["ed25519"])
        let free = try plain.withUnsafeBytes { try CertificateDescription(pem: $0) }
        #expect(free.allowsServerAuthentication && free.allowsClientAuthentication)
        #expect(free.dnsNames.isEmpty)
    }

    @Test func aPEMFileMayHoldOtherBlocksAndAChain() throws {
        let first = try make(["ed25519"], subject: "/CN=first")
        let key = try readFile(directory.file("key"))
        let second = try make(["ed25519"], subject: "/CN=second")
        let file = Array("a remark\n".utf8) + key + first + second + Array("the end\n".utf8)
        let chain = try file.withUnsafeBytes { try CertificateDescription.chain(pem: $0) }
        #expect(chain.map(\.subject) == ["CN=first", "CN=second"])
        #expect(try file.withUnsafeBytes { try ClientCertificate(pem: $0) }.identity == chain[0].identity)
    }

    @Test func everyTruncationAndEveryAdditionIsMalformed() throws {
        let der = try SelfSignedCertificate(.client(now: now), key: PrivateKey(generating: .ed25519)).der
        for count in 0..<der.count {
            #expect(throws: CredentialError.self) { try der.prefix(count).withUnsafeBytes { try ClientCertificate(der: $0) } }
        }
        #expect(throws: CredentialError.malformedCertificate("more bytes follow the certificate")) {
            try (der + [0]).withUnsafeBytes { try ClientCertificate(der: $0) }
        }
    }

    @Test func brokenPEMIsMalformed() throws {
        let pem = try make(["ed25519"])
        let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n")
        let encrypted = [
            "-----BEGIN CERTIFICATE-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF", "",
        ]
        let files = [
            "", "no PEM at all", lines.dropLast().joined(separator: "\n"), lines.dropFirst().joined(separator: "\n"),
            (lines.prefix(2) + lines.suffix(1)).joined(separator: "\n"),
            // Must not ask for a password.
            (encrypted.map { Substring($0) } + lines.dropFirst()).joined(separator: "\n"),
            try String(decoding: readFile(directory.file("key")), as: UTF8.self),
        ]
        for file in files {
            #expect(throws: CredentialError.self) { try Array(file.utf8).withUnsafeBytes { try ClientCertificate(pem: $0) } }
        }
        // A good certificate does not excuse a broken one behind it.
        let broken = pem + Array(lines.dropLast(2).joined(separator: "\n").utf8)
        #expect(throws: CredentialError.self) { try broken.withUnsafeBytes { try CertificateDescription.chain(pem: $0) } }
    }
}
