extension HTTP1Parser {
    /// Why bytes are no request that can be answered.
    package enum Problem: Error, Equatable {
        /// Not HTTP/1.1, or a method that llhttp does not know: it calls both the same.
        case malformed
        case unsupportedVersion
        case headTooLarge
    }
}

extension HTTP1Parser.Problem {
    /// What the client is told (RFC 9110, section 15).
    var response: Response {
        switch self {
        case .malformed: .error(400, "malformed HTTP request")
        case .unsupportedVersion: .error(505, "HTTP version is not supported")
        case .headTooLarge: .error(431, "request header is too large")
        }
    }
}
