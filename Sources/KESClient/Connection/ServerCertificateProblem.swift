import Credentials
import FoundationEssentials

/// What is wrong with a server's certificate.
public struct ServerCertificateProblem: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// It vouches for itself, and is none of those that this client was told to trust.
        case selfSigned
        /// It was issued by an authority that this client does not trust.
        case unknownAuthority
        /// Its time is over.
        case expired
        /// Its time has not come.
        case notYetValid
        /// Its extended key usage is for something else than servers.
        case notForServers
        /// It is trusted, but made out for other names and addresses than the one that was called.
        case otherName
        /// It is not trusted; why could not be found out.
        case notTrusted
    }

    public let kind: Kind
    /// The certificate; nil when it could not be read.
    public let certificate: ServerCertificate?
    /// What this client trusts, in words.
    public let trusted: String

    init(_ kind: Kind, _ certificate: ServerCertificate? = nil, trusted: String = "") {
        self.kind = kind
        self.certificate = certificate
        self.trusted = trusted
    }
}

/// What a server's certificate says of itself.
public struct ServerCertificate: Sendable, Equatable {
    /// Distinguished names as in RFC 2253, such as `CN=localhost`.
    public let subject: String
    public let issuer: String
    /// The DNS names and IP addresses that it is for.
    public let names: [String]
    /// The first and the last second in which it is valid, since the epoch.
    public let notBefore: Int64
    public let notAfter: Int64

    init(_ description: CertificateDescription) {
        subject = description.subject
        issuer = description.issuer
        names = description.dnsNames + description.ipAddresses
        notBefore = description.notBefore
        notAfter = description.notAfter
    }
}

extension ServerCertificateProblem {
    func description(_ endpoint: Endpoint) -> String {
        let name = certificate.map { " (\($0.subject.isEmpty ? "without a subject" : $0.subject))" } ?? ""
        let subject = "the TLS certificate of the server \(endpoint)\(name)"
        let trust = trusted.isEmpty ? "" : ", which trusts \(trusted)"
        return switch kind {
        case .selfSigned:
            "\(subject) is not trusted by this client\(trust): it is self-signed"
        case .unknownAuthority:
            "\(subject) is not trusted by this client\(trust): it was issued by \"\(certificate?.issuer ?? "?")\""
        case .expired:
            "\(subject) expired on \(Self.date(certificate?.notAfter))"
        case .notYetValid:
            "\(subject) is not valid before \(Self.date(certificate?.notBefore)); is this machine's clock right?"
        case .notForServers:
            "\(subject) is not one for servers: its extended key usage lacks serverAuth"
        case .otherName:
            "\(subject) is not made out for \"\(endpoint.host)\"" + Self.list(certificate?.names)
        case .notTrusted:
            "\(subject) is not trusted by this client\(trust)"
        }
    }

    private static func list(_ names: [String]?) -> String {
        guard let names else { return "" }
        return names.isEmpty ? " nor for any other name" : " but for " + names.joined(separator: ", ")
    }

    private static func date(_ seconds: Int64?) -> String {
        guard let seconds else { return "an unknown day" }
        return Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }
}
