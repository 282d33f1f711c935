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
    /// There is a last answer; the connection is closed when it is flushed and the client has taken it.
    case ending
    /// The last answer is flushed, since this time, and the client has not taken it yet.
    case closing(since: NIODeadline)
    /// Nothing more is read or written.
    case closed

    /// Whether what arrives is read now: after the last request it is not, and a request that is being answered comes first.
    var takesBytes: Bool {
        switch self {
        case .idle, .readingBody, .discardingBody: true
        case .answering, .following, .ending, .closing, .closed: false
        }
    }

    var isAnswering: Bool {
        if case .answering = self { true } else { false }
    }

    /// Requests that are not answered yet.
    var activeRequests: Int {
        switch self {
        case .idle, .following, .ending, .closing, .closed: 0
        case .readingBody, .discardingBody, .answering: 1
        }
    }
}
