/// Why a call failed, in words for the person who can mend it.
public enum KESError: Error, Sendable, Equatable {
    /// The server answered with an error: its HTTP status and its message.
    case server(status: Int, message: String)
    /// No connection came about; nothing was sent.
    case unreachable(Endpoint, reason: String)
    /// The server's certificate did not pass; nothing was sent.
    case untrustedServer(Endpoint, ServerCertificateProblem)
    /// The TLS handshake failed for another reason, as when the server turned the client's certificate down.
    case handshakeFailed(Endpoint, reason: String)
    /// The connection broke after the request may have been sent: whether the server carried it out is not known.
    case connectionLost(Endpoint, reason: String)
    /// No answer came in time: whether the server carried the request out is not known.
    case timedOut(Endpoint, after: Duration)
    /// None of several endpoints could be used; what went wrong with each, in the order in which they were tried.
    case allEndpointsFailed([KESError])
    /// The answer is not what the protocol says.
    case invalidResponse(Endpoint, reason: String)
    /// The text does not name an endpoint.
    case invalidEndpoint(String, String)
    /// The client's certificate, its key or the certificates to trust could not be used.
    case invalidCredential(String)
    /// The task was cancelled.
    case cancelled
}

/// What is wrong with a server's certificate.
public enum ServerCertificateProblem: Sendable, Equatable {
    /// No chain leads from it to a trusted certificate, or one in the chain is out of date.
    case notTrusted
    /// It is trusted but made out for other names and addresses than the one that was called.
    case otherName
}

extension KESError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .server(_, let message):
            message
        case .unreachable(let endpoint, let reason):
            "cannot connect to \(endpoint): \(reason)"
        case .untrustedServer(let endpoint, .notTrusted):
            """
            the TLS certificate of the server \(endpoint) is not trusted by this client: it is self-signed, from an unknown \
            authority, or out of date
            """
        case .untrustedServer(let endpoint, .otherName):
            "the TLS certificate of the server \(endpoint) is not made out for \"\(endpoint.host)\""
        case .handshakeFailed(let endpoint, let reason):
            "the TLS handshake with \(endpoint) failed: \(reason)"
        case .connectionLost(let endpoint, let reason):
            "the connection to \(endpoint) broke before the answer was there: \(reason)"
        case .timedOut(let endpoint, let limit):
            "no answer from \(endpoint) within \(limit.components.seconds) seconds"
        case .allEndpointsFailed(let errors):
            "no endpoint could be used: " + errors.map(\.description).joined(separator: "; ")
        case .invalidResponse(let endpoint, let reason):
            "\(endpoint) sent an answer that is not of the KES protocol: \(reason)"
        case .invalidEndpoint(let text, let reason):
            "\"\(text)\" is not an endpoint: \(reason)"
        case .invalidCredential(let reason):
            reason
        case .cancelled:
            "the call was cancelled"
        }
    }
}
