import Credentials

/// Why a call failed, in words for the person who can mend it.
public enum KESError: Error, Sendable, Equatable {
    /// The server answered with an error: its HTTP status and its message.
    case server(status: Int, message: String)
    /// No connection came about; nothing was sent.
    case unreachable(Endpoint, reason: String)
    /// The server's certificate did not pass; nothing was sent.
    case untrustedServer(Endpoint, ServerCertificateProblem)
    /// The server turned this client's certificate down, or asks for one; it read no request. `certificate` says which one it was.
    case clientRefused(Endpoint, certificate: String, reason: String)
    /// The TLS handshake failed for another reason.
    case handshakeFailed(Endpoint, reason: String)
    /// The server says that it did nothing with the request (RFC 9113, sections 6.8 and 8.7).
    case notProcessed(Endpoint)
    /// The connection broke after the request may have been sent: whether the server carried it out is not known.
    case connectionLost(Endpoint, reason: String)
    /// No connection came about in the time that the caller gave; nothing was sent.
    case noConnectionInTime(Endpoint, after: Duration)
    /// No answer came in time: whether the server carried the request out is not known.
    case timedOut(Endpoint, after: Duration)
    /// None of several endpoints could be used; what went wrong with each, in the order in which they were tried.
    case allEndpointsFailed([KESError])
    /// The answer is not what the protocol says.
    case invalidResponse(Endpoint, reason: String)
    /// The text does not name an endpoint.
    case invalidEndpoint(String, reason: String)
    /// The client's certificate, its key or the certificates to trust could not be used.
    case invalidCredential(String)
    /// The task was cancelled.
    case cancelled
    /// The client was shut down before the call; nothing was sent.
    case clientShutDown
}

/// What servers answer, this one's and KES's, that programs go on from: `error == .keyExists`.
extension KESError {
    /// To creating or importing a key: there is one of that name.
    public static let keyExists = KESError.server(status: 400, message: "key already exists")
    /// There is no key of that name.
    public static let keyNotFound = KESError.server(status: 404, message: "key does not exist")
    /// To decrypting: the ciphertext was made with another key or context, or was changed.
    public static let notAuthentic = KESError.server(status: 400, message: "decryption failed: ciphertext is not authentic")
    /// No policy lets this client make the call.
    public static let notAllowed = KESError.server(status: 403, message: "not authorized: insufficient permissions")
}

extension KESError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .server(_, let message):
            message
        case .unreachable(let endpoint, let reason):
            "cannot connect to \(endpoint): \(reason)"
        case .untrustedServer(let endpoint, let problem):
            problem.description(endpoint)
        case .clientRefused(let endpoint, let certificate, let reason):
            "the server \(endpoint) refused this client with \(certificate): \(reason)"
        case .handshakeFailed(let endpoint, let reason):
            "the TLS handshake with \(endpoint) failed: \(reason)"
        case .notProcessed(let endpoint):
            "the server \(endpoint) did not take the request: it is stopping, or has too many"
        case .connectionLost(let endpoint, let reason):
            "the connection to \(endpoint) broke before the answer was there: \(reason)"
        case .noConnectionInTime(let endpoint, let limit):
            "no connection to \(endpoint) within \(Self.text(limit))"
        case .timedOut(let endpoint, let limit):
            "no answer from \(endpoint) within \(Self.text(limit))"
        case .allEndpointsFailed(let errors):
            "no endpoint could be used: " + errors.map(\.description).joined(separator: "; ")
        case .invalidResponse(let endpoint, let reason):
            "\(endpoint) sent an answer that is not of the KES protocol: \(reason)"
        case .invalidEndpoint(let text, let reason):
            "\"\(APIKey.masked(in: text))\" is not an endpoint: \(reason)"
        case .invalidCredential(let reason):
            reason
        case .cancelled:
            "the call was cancelled"
        case .clientShutDown:
            "this client was shut down before the call"
        }
    }

    private static func text(_ limit: Duration) -> String {
        let (seconds, attoseconds) = limit.components
        if attoseconds == 0 { return seconds == 1 ? "1 second" : "\(seconds) seconds" }
        return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000) milliseconds"
    }
}
