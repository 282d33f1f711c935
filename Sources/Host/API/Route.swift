import NIOCore

/// One row of the API: what it is called, what it costs, who may call it, and who answers.
struct Route: Sendable {
    enum Method: String, Sendable {
        case get = "GET"
        /// POST is taken as well: clients send either.
        case put = "PUT"
        case delete = "DELETE"

        /// The value of `Allow` (RFC 9110, section 10.2.1).
        var allowed: String {
            switch self {
            case .get: "GET, HEAD"
            case .put: "PUT, POST"
            case .delete: "DELETE"
            }
        }

        func accepts(_ method: String) -> Bool {
            switch self {
            case .get: method == "GET" || method == "HEAD"
            case .put: method == "PUT" || method == "POST"
            case .delete: method == "DELETE"
            }
        }
    }

    /// What a caller needs.
    enum Access: Sendable {
        /// Nothing, not even a certificate.
        case anyone
        /// A certificate.
        case anyIdentity
        /// A certificate whose identity is the administrator's or has a policy that allows the path.
        case policy
    }

    typealias Handler = @Sendable (_ request: Request, _ api: API) -> Outcome

    var method: Method
    /// A path that ends in `/` is followed by one more segment, the argument. Any other stands for itself.
    var path: String
    /// Bytes of body at most.
    var maxBody: Int
    /// nil for none.
    var timeout: TimeAmount?
    var access: Access
    var handler: Handler
    /// Its place in the route table, which is what it is counted by.
    var row = 0

    var takesArgument: Bool { path.utf8.last == UInt8(ascii: "/") }
}
