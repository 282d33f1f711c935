import Credentials

/// What certificates say that were seen before, so that a client that connects again costs no second parse. Belongs to an event loop.
///
/// libcrypto takes about 150 µs for a certificate, more than all else of a TLS handshake. What is remembered follows from the certificate's
/// bytes alone and is looked up by all of them; whether the certificate is to be trusted is found out anew each time.
final class CertificateMemory {
    private var certificates = RecentMemory<[UInt8], ClientCertificate>(capacity: 512)

    /// How long a certificate may be that is remembered: together they have 4 MiB at most, far less with usual ones.
    private static let largest = 4096

    /// What the DER-encoded certificate says.
    func parse(_ der: [UInt8]) throws -> ClientCertificate {
        if let known = certificates.value(for: der) { return known }
        let certificate = try der.withUnsafeBytes { try ClientCertificate(der: $0) }
        if der.count <= Self.largest { certificates.remember(certificate, for: der) }
        return certificate
    }

    /// Who holds the DER-encoded certificate. Those of authorities are not identities.
    func client(of der: [UInt8]) throws -> Connection.Client {
        let certificate = try parse(der)
        guard certificate.isCertificateAuthority else { return .identified(certificate.identity) }
        return .authority(der.withUnsafeBytes { try? CertificateDescription(der: $0) })
    }
}
