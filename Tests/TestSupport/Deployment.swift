import Credentials
import Glibc
import SecureBytes

/// A directory with all that a server needs, and with clients of several kinds.
package final class Deployment: Sendable {
    /// A client: the files that curl wants, and the API key that `kes` wants.
    package struct Client: Sendable {
        package var identity: Identity
        package var apiKey: String
        /// Paths of PEM files.
        package var certificate: String
        package var key: String

        package init(identity: Identity, apiKey: String, certificate: String, key: String) {
            self.identity = identity
            self.apiKey = apiKey
            self.certificate = certificate
            self.key = key
        }
    }

    package let directory: TemporaryDirectory
    package let admin: Client
    /// Has the policy `user`, whose rules are the test's.
    package let user: Client
    /// In no policy.
    package let stranger: Client

    package var serverCertificate: String { directory.file("server.crt") }
    package var serverKey: String { directory.file("server.key") }
    package var configuration: String { directory.file("config.yml") }

    package init() throws {
        directory = try TemporaryDirectory("kes-deployment")
        admin = try Self.makeClient("admin", in: directory)
        user = try Self.makeClient("user", in: directory)
        stranger = try Self.makeClient("stranger", in: directory)
        let key = try PrivateKey(generating: .ecdsaP256)
        let template = CertificateTemplate(
            dnsNames: ["localhost"], ipAddresses: ["127.0.0.1", "::1"], usage: .clientAndServer,
            notBefore: Int64(time(nil)), validity: 86400)
        let certificate = try SelfSignedCertificate(template, key: key)
        try directory.write(certificate.pem, to: "server.crt", mode: 0o644)
        try key.pem().withUnsafeBytes { _ = try directory.write([UInt8]($0), to: "server.key") }
    }

    /// Writes a configuration that listens on any free port of 127.0.0.1.
    ///
    /// - Parameters:
    ///   - keystore: The `keystore:` section's only member, as YAML of one line: `mem: {}`.
    ///   - allow: The patterns of the policy `user`.
    ///   - deny: Likewise.
    ///   - more: Further sections.
    package func configure(keystore: String, allow: [String] = ["/v1/*"], deny: [String] = [], more: String = "") throws {
        try directory.write(
            """
            version: v1
            address: 127.0.0.1:0
            admin: { identity: \(admin.identity) }
            tls: { key: \(serverKey), cert: \(serverCertificate) }
            policy:
              user:
                allow: [ \(allow.map { "\"\($0)\"" }.joined(separator: ", ")) ]
                deny: [ \(deny.map { "\"\($0)\"" }.joined(separator: ", ")) ]
                identities: [ \(user.identity) ]
            keystore:
              \(keystore)
            \(more)
            """, to: "config.yml")
    }

    /// Makes another client.
    package static func makeClient(_ name: String, in directory: TemporaryDirectory) throws -> Client {
        let apiKey = try APIKey()
        let key = try PrivateKey(apiKey)
        let certificate = try SelfSignedCertificate(.client(now: Int64(time(nil))), key: key)
        try directory.write(certificate.pem, to: "\(name).crt", mode: 0o644)
        try key.pem().withUnsafeBytes { _ = try directory.write([UInt8]($0), to: "\(name).key") }
        return Client(
            identity: apiKey.identity, apiKey: apiKey.text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) },
            certificate: directory.file("\(name).crt"), key: directory.file("\(name).key"))
    }
}
