import Credentials
import Foundation
import SecureBytes
import Testing

@Suite struct SelfSignedCertificateTests {
    private static let noon2030: Int64 = 1_893_499_200

    private func description(of certificate: SelfSignedCertificate) throws -> CertificateDescription {
        try certificate.der.withUnsafeBytes { try CertificateDescription(der: $0) }
    }

    @Test func anAPIKeysCertificateSaysWhatServersExpectOfIt() throws {
        let apiKey = try APIKey()
        let certificate = try SelfSignedCertificate(.client(now: Self.noon2030), key: PrivateKey(apiKey))
        #expect(certificate.identity == apiKey.identity)

        let seen = try certificate.der.withUnsafeBytes { try ClientCertificate(der: $0) }
        #expect(seen.identity == apiKey.identity)
        #expect(!seen.isCertificateAuthority)

        let described = try description(of: certificate)
        #expect(described.subject == "CN=\(apiKey.identity)")
        #expect(described.issuer == described.subject)
        #expect(described.notBefore == Self.noon2030)
        #expect(described.notAfter == Self.noon2030 + 90 * 86_400)
        #expect(described.allowsClientAuthentication)
        #expect(!described.allowsServerAuthentication)
        #expect(described.dnsNames.isEmpty && described.ipAddresses.isEmpty)
    }

    @Test(arguments: PrivateKey.Algorithm.allCases)
    func aServersCertificateCarriesItsNames(algorithm: PrivateKey.Algorithm) throws {
        let key = try PrivateKey(generating: algorithm)
        let template = CertificateTemplate(
            commonName: "grüne Wiese", dnsNames: ["localhost", "*.example.com"], ipAddresses: ["127.0.0.1", "2001:db8::1"],
            usage: .clientAndServer, notBefore: Self.noon2030, validity: 3600)
        let certificate = try SelfSignedCertificate(template, key: key)
        let described = try certificate.pem.withUnsafeBytes { try CertificateDescription(pem: $0) }
        #expect(described == (try description(of: certificate)))
        #expect(described.identity == (try key.identity()))
        #expect(described.subject == "CN=grüne Wiese")
        #expect(described.dnsNames == ["localhost", "*.example.com"])
        #expect(described.ipAddresses == ["127.0.0.1", "2001:db8::1"])
        #expect(described.allowsClientAuthentication && described.allowsServerAuthentication)
    }

    @Test func onlyAClientsCertificateLimitsItsKeyToSignatures() throws {
        // RFC 5280, section 4.2.1.3: the DER of the extension's identifier, 2.5.29.15.
        let keyUsage: [UInt8] = [0x06, 0x03, 0x55, 0x1d, 0x0f]
        let key = try PrivateKey(generating: .ecdsaP256)
        for (usage, isLimited) in [(CertificateTemplate.Usage.client, true), (.clientAndServer, false)] {
            let template = CertificateTemplate(usage: usage, notBefore: Self.noon2030, validity: 3600)
            #expect(try SelfSignedCertificate(template, key: key).der.contains(keyUsage) == isLimited)
        }
    }

    @Test func twoCertificatesOfOneKeyDifferInTheirSerials() throws {
        let key = try PrivateKey(generating: .ed25519)
        let first = try SelfSignedCertificate(.client(now: Self.noon2030), key: key)
        #expect(try SelfSignedCertificate(.client(now: Self.noon2030), key: key).der != first.der)
    }

    @Test(arguments: ["", "a b", "-a", "a-", "a..b", "a.", "*", "a.*.b", "é", "a,DNS:b", String(repeating: "a", count: 64)])
    func whatIsNoDNSNameIsRefused(name: String) throws {
        let template = CertificateTemplate(
            dnsNames: ["fine", name], usage: .clientAndServer, notBefore: Self.noon2030, validity: 3600)
        #expect(throws: CredentialError.invalidAlternativeName(name)) {
            try SelfSignedCertificate(template, key: PrivateKey(generating: .ed25519))
        }
    }

    @Test(arguments: ["", "127.0.0", "[::1]", "::1%lo", "localhost", "127.0.0.1:80", "127.0.0.1\0.2"])
    func whatIsNoIPAddressIsRefused(address: String) throws {
        let template = CertificateTemplate(
            ipAddresses: [address], usage: .clientAndServer, notBefore: Self.noon2030, validity: 3600)
        #expect(throws: CredentialError.invalidAlternativeName(address)) {
            try SelfSignedCertificate(template, key: PrivateKey(generating: .ed25519))
        }
    }

    @Test func subjectsAndValiditiesThatCannotBeWrittenAreRefused() throws {
        let key = try PrivateKey(generating: .ed25519)
        func make(name: String? = nil, notBefore: Int64 = Self.noon2030, validity: Int64 = 1) throws -> SelfSignedCertificate {
            try SelfSignedCertificate(
                CertificateTemplate(commonName: name, usage: .client, notBefore: notBefore, validity: validity), key: key)
        }
        let long = String(repeating: "x", count: 65)
        #expect(throws: CredentialError.invalidSubject(long)) { try make(name: long) }
        #expect(throws: CredentialError.invalidSubject("")) { try make(name: "") }
        #expect(throws: CredentialError.invalidValidity) { try make(validity: 0) }
        #expect(throws: CredentialError.invalidValidity) { try make(validity: -1) }
        #expect(throws: CredentialError.invalidValidity) { try make(validity: .max) }
        #expect(throws: CredentialError.invalidValidity) { try make(notBefore: 253_402_300_799) }
        // UTCTime ends with 2049; a longer validity takes the other type of time.
        let late = try description(of: make(notBefore: 2_524_608_000, validity: 86_400))
        #expect(late.notBefore == 2_524_608_000 && late.notAfter == 2_524_694_400)
    }
}
