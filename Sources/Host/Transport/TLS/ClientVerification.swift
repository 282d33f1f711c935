import Credentials
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Checks a client's certificates during the handshake and finds out who it is. One for each connection, on its event loop.
final class ClientVerification {
    private let trust: TrustStore?
    /// The subject of the server's certificate.
    private let server: String
    private let certificates: CertificateMemory
    private let logger: Logger
    private let address: String
    private var client: Connection.Client?

    init(trust: TrustStore?, server: String, certificates: CertificateMemory, logger: Logger, address: String) {
        self.trust = trust
        self.server = server
        self.certificates = certificates
        self.logger = logger
        self.address = address
    }

    /// NIOSSL's verification callback. That the client holds the leaf's private key is proven by the handshake itself.
    func verify(_ chain: [NIOSSLCertificate], _ promise: EventLoopPromise<NIOSSLVerificationResult>) {
        do {
            let encoded = try chain.map { try $0.toDERBytes() }
            if let problem = trust?.refusal(of: encoded) {
                logger.info("client certificate refused: \(problem)", metadata: ["ip": "\(address)"])
                return promise.succeed(.failed)
            }
            client = try client(of: encoded)
            promise.succeed(.certificateVerified)
        } catch {
            logger.info("client certificate refused: \(error)", metadata: ["ip": "\(address)"])
            promise.succeed(.failed)
        }
    }

    /// Who the client is, once the handshake is over.
    ///
    /// - Parameter resumed: The leaf certificate of a resumed session, for which `verify` was not called, because it was for the session
    ///   that is resumed.
    func result(resumed leaf: NIOSSLCertificate?) throws -> Connection.Client {
        if let client { return client }
        guard let leaf else { return .withoutCertificate }
        let encoded = try leaf.toDERBytes()
        if let problem = trust?.refusal(ofResumed: encoded) { throw ResumptionRefused(reason: problem) }
        return try client(of: [encoded])
    }

    /// The certificates of authorities are not identities, and one identity must be left. It must be the leaf's: that is the only key
    /// whose possession the handshake proves, and the others are anyone's to copy.
    private func client(of chain: [[UInt8]]) throws -> Connection.Client {
        var found: Connection.Client = .withoutCertificate
        for (index, bytes) in chain.enumerated() {
            let certificate = try certificates.parse(bytes)
            if certificate.isCertificateAuthority {
                if index == 0 { found = .authority(bytes.withUnsafeBytes { try? CertificateDescription(der: $0) }) }
                continue
            }
            switch found {
            case .withoutCertificate where index == 0: found = .identified(certificate.identity)
            case .withoutCertificate, .authority: return found
            case .identified, .ambiguous: return .ambiguous
            }
        }
        return found
    }

    /// Why the handshake failed, for the error log; nil when there is nothing to say beside what was said already.
    func explain(_ error: any Error) -> String? {
        if let refusal = error as? ResumptionRefused { return "client certificate refused: \(refusal.reason)" }
        return HandshakeDiagnosis.explain(error, server: server)
    }

    struct ResumptionRefused: Error {
        var reason: String
    }
}
