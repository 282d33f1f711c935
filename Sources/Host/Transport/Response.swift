import NIOCore

/// An answer, before it is encoded for HTTP/1.1 or HTTP/2.
struct Response {
    enum ContentType {
        case json
        case prometheus
        /// JSON objects, one a line.
        case lines

        var value: StaticString {
            switch self {
            case .json: "application/json"
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .lines: "application/x-ndjson"
            }
        }
    }

    var status: Int
    var contentType: ContentType?
    /// Wiped by the codec once it was written, since it may hold a plaintext.
    var body: ByteBuffer
    /// Further headers, names in lower case.
    var headers: [(name: String, value: String)] = []
    /// Whether the body goes on after `body`, its length unknown.
    var isEndless = false

    /// An answer without a body.
    static func empty(_ status: Int) -> Response {
        Response(status: status, contentType: nil, body: ByteBuffer())
    }

    /// An answer with a JSON text as body.
    static func json(_ body: ByteBuffer) -> Response {
        Response(status: 200, contentType: .json, body: body)
    }

    /// The head of an answer whose body is a log.
    static func following(isGzip: Bool) -> Response {
        var headers = [(name: "vary", value: "accept-encoding")]
        if isGzip { headers.append(("content-encoding", "gzip")) }
        return Response(status: 200, contentType: .lines, body: ByteBuffer(), headers: headers, isEndless: true)
    }

    /// `{"message":"…"}`, as all errors are answered. `message` goes to the client: never the cause of a failed keystore.
    static func error(_ status: Int, _ message: String) -> Response {
        var writer = JSONWriter()
        writer.object { $0.member("message", message) }
        return Response(status: status, contentType: .json, body: writer.buffer)
    }

    /// - Parameter limit: how many bytes the route takes.
    static func bodyTooLarge(limit: Int) -> Response {
        // Some HTTP libraries send `{}` where nothing is meant.
        .error(413, limit == 0 ? "request body too large: this API takes none" : "request body too large")
    }
}

/// What a handler returns: most have the answer at once, those that call the keystore have it later.
enum Outcome {
    case ready(Response)
    /// Completed on the connection's event loop.
    case pending(EventLoopFuture<Response>)
    /// An answer that goes on: the events of a log, from now on.
    case following(LogKind)
}

/// The reason phrase of RFC 9110, section 15, for the status codes that this server sends.
func reasonPhrase(_ status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Unknown"
    }
}
