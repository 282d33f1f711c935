import Credentials

/// What certificates say that were seen before, so that a client that connects again costs no second parse. Belongs to an event loop.
///
/// libcrypto takes about 150 µs for a certificate, more than all else of a TLS handshake. What is remembered follows from the certificate's
/// bytes alone and is looked up by all of them; whether the certificate is to be trusted is found out anew each time.
final class CertificateMemory {
    private var recent: [[UInt8]: ClientCertificate] = [:]
    /// What `recent` held when it was full: a certificate that is used again moves over, and one that is not is forgotten.
    private var older: [[UInt8]: ClientCertificate] = [:]

    /// How many certificates each generation holds, and how long one may be: together 4 MiB at most, far less with usual ones.
    private static let capacity = 512
    private static let largest = 4096

    /// What the DER-encoded certificate says.
    func parse(_ der: [UInt8]) throws -> ClientCertificate {
        if let known = recent[der] { return known }
        let certificate: ClientCertificate
        if let known = older[der] {
            certificate = known
        } else {
            certificate = try der.withUnsafeBytes { try ClientCertificate(der: $0) }
        }
        guard der.count <= Self.largest else { return certificate }
        if recent.count == Self.capacity {
            older = recent
            recent = [:]
        }
        recent[der] = certificate
        return certificate
    }
}
