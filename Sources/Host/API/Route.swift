import NIOCore

/// One row of the API: what it is called, what it costs, who may call it, and who answers.
///
/// A class, because every request holds its route: that is one reference, where a structure would be a copy of all that is in it.
final class Route: Sendable {
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

    let method: Method
    /// A path that ends in `/` is followed by one more segment, the argument. Any other stands for itself.
    let path: String
    /// Bytes of body at most.
    let maxBody: Int
    /// nil for none.
    let timeout: TimeAmount?
    let access: Access
    let handler: Handler
    /// Its place in the route table, which is what it is counted by.
    let row: Int

    init(
        method: Method, path: String, maxBody: Int, timeout: TimeAmount?, access: Access, handler: @escaping Handler, row: Int = 0
    ) {
        self.method = method
        self.path = path
        self.maxBody = maxBody
        self.timeout = timeout
        self.access = access
        self.handler = handler
        self.row = row
    }

    var takesArgument: Bool { path.utf8.last == UInt8(ascii: "/") }

    /// The same route at its place in the table, as an operator wants it.
    func placed(at row: Int, _ override: RouteOverride?) -> Route {
        var timeout = timeout
        if let wanted = override?.timeout { timeout = wanted == .zero ? nil : TimeAmount(wanted) }
        return Route(
            method: method, path: path, maxBody: maxBody, timeout: timeout,
            access: override?.skipAuthentication == true ? .anyone : access, handler: handler, row: row)
    }
}
