import CLinux
import Credentials
import Glibc
import NIOSSL

/// Which servers a client believes to be who they say they are.
public enum ServerTrust: Sendable, Hashable {
    /// The authorities that the operating system trusts, and the certificates in the file `SSL_CERT_FILE` and the directories
    /// `SSL_CERT_DIR` (separated by colons) of the environment. A server's own self-signed certificate may be among them.
    case system
    /// The certificates in this PEM file and no others. A server's own self-signed certificate may be among them.
    case certificateFile(String)
    /// Every server: its certificate is not checked at all, so that anyone on the way can read and change what is sent.
    case insecure
}

/// `ServerTrust` with the certificates that it names.
enum ResolvedTrust: Sendable {
    case insecure
    /// - `roots` and `additional`: where chains may end.
    /// - `certificates`: those of servers, in DER, to be trusted as they are.
    /// - `origin`: where all of them come from, in words.
    case roots(NIOSSLTrustRoots, additional: [NIOSSLCertificate], certificates: Set<[UInt8]>, origin: String)
}

extension ServerTrust {
    /// Reads the files.
    func resolved() throws(KESError) -> ResolvedTrust {
        switch self {
        case .insecure:
            return .insecure
        case .certificateFile(let path):
            let given = try Self.certificates(inFile: path, namedBy: nil)
            return .roots(.certificates(given), additional: [], certificates: Self.ofServers(given), origin: path)
        case .system:
            // Not NIOSSL's default: that one fails where the system has no bundle, as in a minimal container.
            let bundle = Self.systemBundles.first { access($0, R_OK) == 0 }
            let file = try Self.certificatesOfFileVariable(butNot: bundle)
            return .roots(
                bundle.map { .file($0) } ?? .certificates([]), additional: file + (try Self.certificatesOfDirectoryVariable()),
                certificates: Self.ofServers(file), origin: Self.origin(bundle))
        }
    }

    private static func origin(_ bundle: String?) -> String {
        var origins = bundle == nil ? [] : ["the system's authorities"]
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let path = variable(name), path != bundle { origins.append("\(path) (\(name))") }
        }
        return origins.isEmpty ? "nobody: this system has no authorities" : origins.joined(separator: " and ")
    }

    // An authority's certificate is where chains end; it is not a server's.
    private static func ofServers(_ certificates: [NIOSSLCertificate]) -> Set<[UInt8]> {
        Set(
            certificates.compactMap { certificate -> [UInt8]? in
                guard let der = try? certificate.toDERBytes(),
                    let parsed = try? der.withUnsafeBytes({ try ClientCertificate(der: $0) }), !parsed.isCertificateAuthority
                else { return nil }
                return der
            })
    }

    // Where the distributions keep the authorities: Debian, Ubuntu, Arch, Gentoo; Fedora, RHEL; openSUSE; OpenELEC; Alpine.
    private static let systemBundles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]

    // `SSL_CERT_FILE` often names the system's own bundle, which need not be read twice.
    private static func certificatesOfFileVariable(butNot bundle: String?) throws(KESError) -> [NIOSSLCertificate] {
        guard let path = variable("SSL_CERT_FILE"), path != bundle else { return [] }
        return try certificates(inFile: path, namedBy: "SSL_CERT_FILE")
    }

    private static func certificatesOfDirectoryVariable() throws(KESError) -> [NIOSSLCertificate] {
        var certificates: [NIOSSLCertificate] = []
        for directory in variable("SSL_CERT_DIR")?.split(separator: ":") ?? [] {
            certificates += try Self.certificates(inDirectory: String(directory))
        }
        return certificates
    }

    private static func certificates(inFile path: String, namedBy variable: String?) throws(KESError) -> [NIOSSLCertificate] {
        guard access(path, R_OK) == 0 else {
            let cause = String(cString: strerror(errno))
            throw .invalidCredential(
                variable.map { "\($0) names \(path), which cannot be read: \(cause)" } ?? "cannot read \(path): \(cause)")
        }
        // An empty file gives no certificates, and one with anything else than certificates an error.
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
            throw .invalidCredential(
                variable.map { "\($0) names \(path), which holds no PEM certificate" } ?? "\(path) holds no PEM certificate")
        }
        return certificates
    }

    // As elsewhere with SSL_CERT_DIR, what is no certificate in the directory, or the directory's absence, is no error.
    private static func certificates(inDirectory directory: String) throws(KESError) -> [NIOSSLCertificate] {
        guard let entries = opendir(directory) else {
            guard errno == ENOENT else {
                throw .invalidCredential("SSL_CERT_DIR names \(directory): \(String(cString: strerror(errno)))")
            }
            return []
        }
        defer { closedir(entries) }
        var certificates: [NIOSSLCertificate] = []
        while let entry = readdir(entries) {
            let name = String(cString: keswick_name(entry))
            guard !name.hasPrefix("."), let found = try? NIOSSLCertificate.fromPEMFile("\(directory)/\(name)") else { continue }
            certificates += found
        }
        return certificates
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
