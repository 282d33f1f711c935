import Credentials
import KESClient
import Testing

@Suite struct ServerNamesTests {
    private func certificate(_ dnsNames: [String], _ ipAddresses: [String] = []) throws -> CertificateDescription {
        let template = CertificateTemplate(
            commonName: "common.example.com", dnsNames: dnsNames, ipAddresses: ipAddresses, usage: .clientAndServer, notBefore: 0,
            validity: 3600)
        let certificate = try SelfSignedCertificate(template, key: PrivateKey(generating: .ed25519))
        return try certificate.der.withUnsafeBytes { try CertificateDescription(der: $0) }
    }

    @Test(arguments: [
        ("kes.example.com", "kes.example.com"), ("KES.Example.com", "kes.exAMPLE.com"), ("kes.example.com.", "kes.example.com"),
        ("a.example.com", "*.example.com"), ("localhost", "localhost"),
    ])
    func aNameMatchesItself(host: String, name: String) throws {
        #expect(ServerNames.match(host, try certificate(["other.example.org", name])))
    }

    @Test(arguments: [
        ("kes.example.com", "example.com"), ("example.com", "*.example.com"), ("a.b.example.com", "*.example.com"),
        ("example.com", "*.com"), ("kes.example.com.evil.org", "kes.example.com"), ("kes.example.co", "kes.example.com"),
        ("a.example.com", "b.example.com"), (".example.com", "*.example.com"),
    ])
    func anotherNameDoesNotMatch(host: String, name: String) throws {
        #expect(!ServerNames.match(host, try certificate([name])))
    }

    @Test func anAddressMatchesAnAddressInEverySpelling() throws {
        let certificate = try certificate(["127.0.0.1.example.com"], ["127.0.0.1", "2001:db8::1"])
        #expect(ServerNames.match("127.0.0.1", certificate))
        #expect(ServerNames.match("2001:DB8:0:0:0:0:0:1", certificate))
        #expect(!ServerNames.match("127.0.0.2", certificate))
        #expect(!ServerNames.match("::ffff:127.0.0.1", certificate))
        #expect(!ServerNames.match("localhost", certificate))
    }

    @Test func theCommonNameIsNoName() throws {
        #expect(!ServerNames.match("common.example.com", try certificate([], ["127.0.0.1"])))
        #expect(!ServerNames.match("common.example.com", try certificate([])))
        #expect(!ServerNames.match("", try certificate([])))
    }
}
