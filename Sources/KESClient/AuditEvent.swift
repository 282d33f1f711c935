import FoundationEssentials

/// What a server's audit log says of one request.
public struct AuditEvent: Sendable, Equatable {
    /// When the request came.
    public let time: Timestamp
    /// The client's IP address, as the server saw it; nil when it did not say.
    public let address: String?
    /// The path that was asked for. A client chose it: it may hold anything.
    public let path: String
    /// The client's identity; nil for one without a certificate.
    public let identity: String?
    /// The HTTP status of the answer.
    public let status: Int
    /// How long the answer took.
    public let duration: Duration

    /// Reads a line of the audit log; nil when it is no event, as the notice of how many were missed.
    public init?(_ line: String) {
        guard let event = try? JSONDecoder().decode(Encoded.self, from: Data(line.utf8)) else { return nil }
        time = event.time
        address = event.request.ip
        path = event.request.path
        identity = event.request.identity
        status = event.response.code
        duration = .nanoseconds(event.response.time)
    }

    private struct Encoded: Decodable {
        struct Request: Decodable {
            let ip: String?
            let path: String
            let identity: String?
        }

        struct Response: Decodable {
            let code: Int
            /// In nanoseconds.
            let time: Int64
        }

        let time: Timestamp
        let request: Request
        let response: Response
    }
}
