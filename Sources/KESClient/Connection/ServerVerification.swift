import Credentials
import Glibc
import NIOCore
import NIOSSL

/// Checks the certificate of a server once the TLS handshake is done and before any request is sent.
struct ServerVerification: Sendable {
    enum Basis: Sendable {
        /// NIOSSL has found a chain from the certificate to a trusted one; what is left is the name.
        case chain
        /// NIOSSL has checked nothing but that the server holds the key. These certificates, in DER, are trusted as they are.
        ///
        /// BoringSSL cannot do that for a self-signed certificate whose keyUsage lacks keyCertSign, and such certificates are common
        /// in KES deployments.
        case certificates(Set<[UInt8]>)
    }

    let endpoint: Endpoint
    let basis: Basis
    /// What this client trusts, in words.
    let trusted: String

    /// Fails, and closes the connection, when the server is not to be trusted.
    ///
    /// It is complete when it returns: the HTTP library must not see the connection end between the check and its result.
    func check(_ channel: any Channel) -> EventLoopFuture<Void> {
        do {
            guard let certificate = try channel.pipeline.syncOperations.nioSSL_peerCertificate() else {
                throw problem(.notTrusted)
            }
            try check(certificate.toDERBytes())
            return channel.eventLoop.makeSucceededVoidFuture()
        } catch {
            channel.eventLoop.execute { channel.close(promise: nil) }
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    private func check(_ der: [UInt8]) throws(KESError) {
        guard let certificate = Self.description(der) else { throw problem(.notTrusted) }
        if case .certificates(let trusted) = basis {
            let now = Int64(time(nil))
            if now > certificate.notAfter { throw problem(.expired, certificate) }
            if now < certificate.notBefore { throw problem(.notYetValid, certificate) }
            guard trusted.contains(der) else {
                throw problem(certificate.issuer == certificate.subject ? .selfSigned : .unknownAuthority, certificate)
            }
            guard certificate.allowsServerAuthentication else { throw problem(.notForServers, certificate) }
        }
        guard ServerNames.match(endpoint.host, certificate) else { throw problem(.otherName, certificate) }
    }

    private func problem(_ kind: ServerCertificateProblem.Kind, _ certificate: CertificateDescription? = nil) -> KESError {
        .untrustedServer(endpoint, ServerCertificateProblem(kind, certificate.map(ServerCertificate.init), trusted: trusted))
    }

    private static func description(_ der: [UInt8]) -> CertificateDescription? {
        let parsed = der.withUnsafeBytes { bytes in
            Result { () throws(CredentialError) in try CertificateDescription(der: bytes) }
        }
        // A certificate that ends before it begins would be an invalid range.
        return (try? parsed.get()).flatMap { $0.notBefore <= $0.notAfter ? $0 : nil }
    }
}
