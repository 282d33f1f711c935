import ArgumentParser
import Credentials
import Glibc
import KESClient
import SecureBytes

/// What `kes init` makes: a server on one machine, and its administrator.
struct Deployment {
    enum Keystore: String, ExpressibleByArgument, CaseIterable {
        case sqlite
        case fs
    }

    static let apiKeyFile = "admin.api-key"
    private static let port = 7373
    // There is no authority behind a self-signed certificate that would renew it, and a server whose certificate has run out
    // takes everything down that depends on it: long enough that renewing it is a planned thing.
    private static let serverValidity: Int64 = 3650 * 86_400

    let directory: String
    let keystore: Keystore
    let admin: APIKey
    /// What the server's certificate is for.
    let addresses: [String]
    let names: [String]
    /// Where the server listens.
    let listenAddress: String
    /// How clients call the server: `HOST:PORT`.
    let endpoint: String
    let files: [(name: String, contents: SecretBytes, mode: mode_t)]

    /// - Parameters:
    ///   - directory: where all of it will be; absolute.
    ///   - addresses: IP addresses that clients call the server by, beside the loopback addresses.
    ///   - names: DNS names that clients call the server by, beside `localhost`.
    init(directory: String, keystore: Keystore, addresses: [String], names: [String]) throws(CommandFailure) {
        self.directory = directory
        self.keystore = keystore
        self.addresses = Self.unique(["127.0.0.1", "::1"] + addresses)
        self.names = Self.unique(["localhost"] + names)
        admin = try newAPIKey()

        let isReachable = self.addresses.count > 2 || self.names.count > 1
        // Without an address: every one, IPv4 and IPv6.
        listenAddress = "\(isReachable ? "" : "127.0.0.1"):\(Self.port)"
        let host = self.names.dropFirst().first ?? self.addresses.dropFirst(2).first ?? "127.0.0.1"
        endpoint = host.contains(":") ? "[\(host)]:\(Self.port)" : "\(host):\(Self.port)"

        do {
            let now = Int64(time(nil))
            // Its subject is the key's identity: were it the host's name, a client that trusts two servers with one name could take
            // one certificate for the issuer of the other and refuse both.
            // P-256 and not Ed25519: browsers and old TLS stacks know no Ed25519 certificates.
            let serverKey = try PrivateKey(generating: .ecdsaP256)
            let serverCertificate = try SelfSignedCertificate(
                CertificateTemplate(
                    dnsNames: self.names, ipAddresses: self.addresses,
                    usage: .clientAndServer,
                    notBefore: now, validity: Self.serverValidity),
                key: serverKey)
            let adminKey = try PrivateKey(admin)
            let adminCertificate = try SelfSignedCertificate(
                CertificateTemplate(usage: .client, notBefore: now, validity: Self.serverValidity), key: adminKey)
            let configuration = ConfigurationTemplate.text(
                directory: directory, listenAddress: listenAddress, admin: admin.identity, keystore: keystore)
            files = [
                ("server.key", try serverKey.pem(), 0o600),
                ("server.crt", Self.bytes(serverCertificate.pem), 0o644),
                (Self.apiKeyFile, SecretText.assemble([.bytes(admin.text), .plain("\n")]), 0o600),
                ("admin.key", try adminKey.pem(), 0o600),
                ("admin.crt", Self.bytes(adminCertificate.pem), 0o644),
                // Last, because it is what names the others.
                ("config.yml", SecretText.assemble([.plain(configuration)]), 0o600),
            ]
        } catch {
            throw CommandFailure("cannot make the certificates: \(error)")
        }
    }

    /// All names and addresses in the server's certificate.
    var allNames: [String] { addresses + names }

    var directories: [String] { keystore == .fs ? ["keys"] : [] }

    private static func unique(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }

    private static func bytes(_ pem: [UInt8]) -> SecretBytes {
        pem.withUnsafeBytes { SecretBytes(copying: $0) }
    }
}
