import NIOCore

/// How far an HTTP/1.1 connection is with the requests that it brings one after the other.
enum HTTP1State {
    /// No request. `since` the last one, or since the connection.
    case idle(since: NIODeadline)
    case readingBody(Exchange)
    /// The rest of the body of a request whose refusal is known is read and dropped.
    case discardingBody(Exchange, dropped: Int)
    /// A handler has the request.
    case answering(Exchange)
    /// The answer is a log, which goes on until one side ends it, and the connection with it.
    case following(LogSubscription)
    /// The last answer is written; the connection is closed when it is flushed.
    case ending
    /// Nothing more is read or written.
    case closed

    /// Whether what arrives is read now: after the last request it is not, and a request that is being answered comes first.
    var takesBytes: Bool {
        switch self {
        case .idle, .readingBody, .discardingBody: true
        case .answering, .following, .ending, .closed: false
        }
    }

    var isAnswering: Bool {
        if case .answering = self { true } else { false }
    }

    /// Requests that are not answered yet.
    var activeRequests: Int {
        switch self {
        case .idle, .following, .ending, .closed: 0
        case .readingBody, .discardingBody, .answering: 1
        }
    }
}
