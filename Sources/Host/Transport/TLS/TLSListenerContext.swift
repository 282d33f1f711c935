import Credentials
import Envelope
import Glibc
import NIOCore
import NIOSSL
import SecureBytes

/// Why the server cannot speak TLS with the files that it was given.
package struct TLSFileError: Error, CustomStringConvertible {
    package var description: String
    /// The member of the configuration that names the file.
    package var member = "tls.key"
}

/// What the listener needs for TLS: the server's certificate and key, and how clients are checked.
struct TLSListenerContext: Sendable {
    let context: NIOSSLContext
    /// What `context` was made of.
    private let settings: TLSConfiguration
    /// Whose certificate the server presents.
    let subject: String
    /// The last second in which the server's certificate is valid, since the epoch.
    let expiry: Int64
    /// nil when any certificate will do.
    let trust: TrustStore?

    /// Reads the files that `configuration` names.
    ///
    /// - Parameters:
    ///   - allowsAnonymousClients: Whether a handshake without a client certificate succeeds, because some API needs none.
    ///   - earlier: What this takes the place of.
    init(_ configuration: TLS, allowsAnonymousClients: Bool, after earlier: TLSListenerContext? = nil) throws(TLSFileError) {
        let chain = try Self.certificates(configuration)
        let leaf = try Self.leaf(of: chain, configuration)
        (subject, expiry) = (leaf.subject, leaf.notAfter)
        if let bits = leaf.rsaBitCount, bits < Self.fewestRSABits {
            throw TLSFileError(
                description:
                    "the RSA key of the certificate '\(leaf.subject)' in \(configuration.certificateFile) has \(bits) bits, which no client "
                    + "accepts; make a new key and certificate, with ECDSA on P-256 or RSA of 2048 bits",
                member: "tls.cert")
        }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try Self.privateKey(configuration)))
        tls.minimumTLSVersion = .tlsv12
        // How long a connection that this server has closed stays in memory when the client does not close its side.
        tls.shutdownTimeout = .seconds(2)
        tls.applicationProtocols = ["h2", "http/1.1"]
        // Ed25519 is left out of BoringSSL's defaults, and is what clients with an API key use.
        tls.verifySignatureAlgorithms = [
            .ed25519, .ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512, .rsaPssRsaeSha256, .rsaPssRsaeSha384,
            .rsaPssRsaeSha512, .rsaPkcs1Sha256, .rsaPkcs1Sha384, .rsaPkcs1Sha512,
        ]
        // Chains are checked by `ClientVerification`, against `trust`, for which BoringSSL needs no roots.
        tls.certificateVerification = allowsAnonymousClients ? .optionalVerification : .noHostnameVerification
        tls.trustRoots = .certificates([])
        settings = tls
        do {
            context = try NIOSSLContext(configuration: tls)
        } catch {
            throw TLSFileError(
                description:
                    "the TLS private key \(configuration.privateKeyFile) and certificate \(configuration.certificateFile) "
                    + "cannot be used together: \(error); check that the key is the certificate's, and of a type that TLS knows "
                    + "here: \(Self.knownKeys)")
        }
        switch configuration.clientAuthentication {
        case .anyCertificate: trust = nil
        case .trustedCertificate: trust = try TrustStore(authorities: configuration.authorities, after: earlier?.trust)
        }
    }

    private init(_ other: TLSListenerContext, context: NIOSSLContext) {
        self.context = context
        (settings, subject, expiry, trust) = (other.settings, other.subject, other.expiry, other.trust)
    }

    /// The same without the keys of session tickets and the sessions that there are: no client can resume one.
    func withoutSessions() throws -> TLSListenerContext {
        TLSListenerContext(self, context: try NIOSSLContext(configuration: settings))
    }

    /// Fewer are refused by clients of every kind, Go's and OpenSSL's least strict among them.
    private static let fewestRSABits = 1024

    var expiryText: String { Timestamp(seconds: expiry, nanoseconds: 0).description }

    private static func leaf(of chain: [NIOSSLCertificate], _ configuration: TLS) throws(TLSFileError) -> CertificateDescription {
        do {
            // There is one: `certificates` saw to that.
            return try chain[0].toDERBytes().withUnsafeBytes { try CertificateDescription(der: $0) }
        } catch {
            throw TLSFileError(
                description: "cannot read the TLS certificate \(configuration.certificateFile): \(error)", member: "tls.cert")
        }
    }

    private static func certificates(_ configuration: TLS) throws(TLSFileError) -> [NIOSSLCertificate] {
        let path = configuration.certificateFile
        do {
            let certificates =
                if let generated = configuration.generated {
                    try NIOSSLCertificate.fromPEMBytes(generated.certificate)
                } else {
                    try NIOSSLCertificate.fromPEMFile(path)
                }
            if !certificates.isEmpty { return certificates }
        } catch {
            throw unreadable(path, "tls.cert")
                ?? TLSFileError(
                    description: "cannot read the TLS certificate \(path): \(error); it must be a PEM file, leaf first",
                    member: "tls.cert")
        }
        throw TLSFileError(description: "the TLS certificate \(path) holds no PEM certificate", member: "tls.cert")
    }

    /// Why a file cannot be opened at all, for which the TLS library has no words; nil when it can.
    private static func unreadable(_ path: String, _ member: String) -> TLSFileError? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor < 0 else {
            close(descriptor)
            return nil
        }
        let code = errno
        let advice = code == EACCES ? "; the server's user must be able to read it" : ""
        return TLSFileError(description: "\(path): \(SystemError.text(code))\(advice)", member: member)
    }

    private static func privateKey(_ configuration: TLS) throws(TLSFileError) -> NIOSSLPrivateKey {
        let path = configuration.privateKeyFile
        do {
            if let generated = configuration.generated { return try privateKey(pem: generated.privateKey) }
            guard let password = configuration.password else { return try NIOSSLPrivateKey(file: path, format: .pem) }
            // Not NIOSSL's own way: its callback for passwords ends the process at a byte above 127.
            let decrypted = try BoundedFile.read(path, limit: maximumKeySize) { bytes in
                Result { () throws(PrivateKeyProblem) in try PrivateKey.decryptedPEM(bytes, password: password) }
            }
            return try privateKey(pem: decrypted.get())
        } catch let error as BoundedFile.Failure {
            throw TLSFileError(description: "the TLS private key \(path) \(error.message)")
        } catch {
            throw unreadable(path, "tls.key")
                ?? TLSFileError(
                    description:
                        "cannot use the TLS private key \(path): \(error); it must be PEM, of a type that TLS knows here "
                        + "(\(knownKeys)), and if it is encrypted tls.password must be its password")
        }
    }

    /// NIOSSL takes an array, and keeps none of it.
    private static func privateKey(pem: SecretBytes) throws -> NIOSSLPrivateKey {
        var bytes = pem.withUnsafeBytes { Array($0) }
        defer { bytes.withUnsafeMutableBytes { wipe($0) } }
        return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
    }

    /// Far beyond any private key.
    private static let maximumKeySize = 1 << 20
    /// What BoringSSL presents as a server.
    private static let knownKeys = "RSA, ECDSA on P-256, P-384 or P-521 as a named curve, Ed25519"
}
