import Glibc
import TestSupport
import Testing

/// Certificates of clients, of all kinds, in a deployment's directory.
struct ClientCertificates {
    private let deployment: Deployment

    init(_ deployment: Deployment) {
        self.deployment = deployment
    }

    /// Makes a certificate with the openssl command; `arguments` are those of `req -x509` or of `x509 -req`.
    func openssl(_ arguments: [String]) throws {
        let result = try run("openssl", arguments, directory: deployment.directory.path)
        try #require(result.code == 0, "\(result.errorText)")
    }

    func selfSigned(_ name: String, isAuthority: Bool) throws -> Deployment.Client {
        try openssl([
            "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).crt", "-subj",
            "/CN=\(name)",
            "-addext", "basicConstraints=critical,CA:\(isAuthority ? "TRUE" : "FALSE")",
        ])
        return client(name)
    }

    /// A certificate that `authority` signs.
    func signed(_ name: String, by authority: String, usage: String, days: Int) throws -> Deployment.Client {
        try deployment.directory.write("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=\(usage)\n", to: "\(name).ext")
        try openssl([
            "req", "-newkey", "ed25519", "-nodes", "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)",
        ])
        try openssl([
            "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).crt", "-CAkey", "\(authority).key", "-CAcreateserial",
            "-out", "\(name).crt", "-days", "\(days)", "-extfile", "\(name).ext",
        ])
        return client(name)
    }

    func client(_ name: String) -> Deployment.Client {
        Deployment.Client(
            identity: deployment.admin.identity, apiKey: "", certificate: deployment.directory.file("\(name).crt"),
            key: deployment.directory.file("\(name).key"))
    }

    /// A client that presents further certificates after its own.
    func chain(_ name: String, _ certificates: [String], key: String) throws -> Deployment.Client {
        try deployment.directory.write(certificates.flatMap { try readFile($0) }, to: "\(name).crt", mode: 0o644)
        return Deployment.Client(
            identity: deployment.admin.identity, apiKey: "", certificate: deployment.directory.file("\(name).crt"), key: key)
    }

    /// A client's certificate as a proxy forwards it.
    func forwarded(_ client: Deployment.Client) throws -> String {
        try readFile(client.certificate).map { byte in
            let digits = String(byte, radix: 16)
            return "%" + (digits.count < 2 ? "0" + digits : digits)
        }.joined()
    }

    /// Writes a configuration with these members of its section `tls` besides.
    func configure(_ members: String, more: String = "") throws {
        try deployment.configure(keystore: "mem: {}", more: more)
        let parts = String(decoding: try readFile(deployment.configuration), as: UTF8.self).split(
            separator: "cert:", maxSplits: 1)
        try deployment.directory.write("\(parts[0])\(members), cert:\(parts[1])", to: "config.yml")
    }
}
