/// What a self-signed certificate shall say.
public struct CertificateTemplate: Sendable, Equatable {
    /// What the certificate is for: its extended key usages (RFC 5280, section 4.2.1.12).
    public enum Usage: Sendable {
        /// clientAuth.
        case client
        /// clientAuth and serverAuth.
        case clientAndServer
    }

    /// The subject's common name. Nil stands for the identity of the certificate's key.
    public var commonName: String?
    public var dnsNames: [String]
    /// IPv4 and IPv6 addresses as text, without a port or brackets.
    public var ipAddresses: [String]
    public var usage: Usage
    /// When it begins to be valid, in seconds since the epoch.
    public var notBefore: Int64
    /// For how many seconds it is valid.
    public var validity: Int64

    public init(
        commonName: String? = nil, dnsNames: [String] = [], ipAddresses: [String] = [], usage: Usage, notBefore: Int64,
        validity: Int64
    ) {
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.ipAddresses = ipAddresses
        self.usage = usage
        self.notBefore = notBefore
        self.validity = validity
    }

    /// What a client makes of its API key to present to a server: named for its identity, for clientAuth, for 90 days.
    ///
    /// - Parameter now: the current time in seconds since the epoch.
    public static func client(now: Int64) -> CertificateTemplate {
        CertificateTemplate(usage: .client, notBefore: now, validity: 90 * 86_400)
    }
}
