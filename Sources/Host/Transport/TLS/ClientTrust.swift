import Credentials

/// Which authorities vouch for clients, since one reading of the TLS files.
struct ClientTrust: Sendable {
    /// nil when any certificate will do.
    let store: TrustStore?
    /// Counts the readings: who was let in by an earlier one is checked again by this one.
    let serial: Int
}

extension CertificateDescription {
    /// Subject and issuer for a message. A stranger chose them, and they may be as long as a certificate.
    var shownSubject: String { String(subject.prefix(Self.shownLength)) }
    var shownIssuer: String { String(issuer.prefix(Self.shownLength)) }
    private static var shownLength: Int { 256 }
}
