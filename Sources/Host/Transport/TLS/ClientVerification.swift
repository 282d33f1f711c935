import Credentials
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Checks a client's certificates during the handshake and finds out who it is. One for each connection, on its event loop.
final class ClientVerification {
    private let trust: ClientTrust
    /// The subject of the server's certificate.
    private let server: String
    private let certificates: CertificateMemory
    private let logger: Logger
    private let address: String
    private let onRefusedResumption: () -> Void
    private var client: Connection.Client?

    /// Longer chains are refused before anything is made of them. Who sends them need not be known here: 100 KB of certificates, which TLS
    /// allows, took 48 ms of an event loop, and stayed in memory with each session of TLS 1.2, of which BoringSSL keeps 20,480.
    private static let limit = (certificates: 10, bytes: 16 * 1024)

    /// - Parameter onRefusedResumption: Called when a client resumes a session whose certificate is not accepted any more.
    init(
        trust: ClientTrust, server: String, certificates: CertificateMemory, logger: Logger, address: String,
        onRefusedResumption: @escaping () -> Void
    ) {
        self.trust = trust
        self.onRefusedResumption = onRefusedResumption
        self.server = server
        self.certificates = certificates
        self.logger = logger
        self.address = address
    }

    /// NIOSSL's verification callback. That the client holds the leaf's private key is proven by the handshake itself.
    func verify(_ chain: [NIOSSLCertificate], _ promise: EventLoopPromise<NIOSSLVerificationResult>) {
        do {
            guard chain.count <= Self.limit.certificates else { throw ChainTooLong() }
            let encoded = try chain.map { try $0.toDERBytes() }
            guard encoded.reduce(0, { $0 + $1.count }) <= Self.limit.bytes else { throw ChainTooLong() }
            if let problem = trust.store?.refusal(of: encoded) {
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
    /// - Parameters:
    ///   - leaf: The client's certificate. For a resumed session `verify` was not called, because it was for the session that is resumed.
    ///   - newest: What is in force now, if the handshake took its time.
    func result(_ leaf: NIOSSLCertificate?, newest: ClientTrust) throws -> Connection.Client {
        guard let leaf else { return client ?? .withoutCertificate }
        if let client, newest.serial <= trust.serial { return client }
        let encoded = try leaf.toDERBytes()
        let trust = newest.serial > trust.serial ? newest : trust
        if let problem = trust.store?.refusal(ofKnown: encoded) {
            if client == nil { onRefusedResumption() }
            throw Refused(reason: problem)
        }
        return try client ?? client(of: [encoded])
    }

    /// Beside the certificates of authorities one must be left, and it must be the leaf: that is the only one whose key the handshake
    /// proves the client to hold, and the others are anyone's to copy.
    private func client(of chain: [[UInt8]]) throws -> Connection.Client {
        guard let first = chain.first else { return .withoutCertificate }
        let leaf = try certificates.client(of: first)
        guard case .identified = leaf else { return leaf }
        for other in chain.dropFirst() where try !certificates.parse(other).isCertificateAuthority { return .ambiguous }
        return leaf
    }

    /// Why the handshake failed, for the error log; nil when there is nothing to say beside what was said already.
    func explain(_ error: any Error) -> String? {
        if let refusal = error as? Refused { return "client certificate refused: \(refusal.reason)" }
        return HandshakeDiagnosis.explain(error, server: server)
    }

    struct Refused: Error {
        var reason: String
    }

    private struct ChainTooLong: Error, CustomStringConvertible {
        var description: String {
            "the certificates that come are too many or too long: at most \(limit.certificates) of \(limit.bytes / 1024) KiB together; send only those between it and its authority"
        }
    }
}
