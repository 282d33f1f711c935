import NIOCore
import NIOHTTP1

/// Speaks HTTP/1.1 (RFC 9112) on one connection: one request at a time, in order, and one write for each answer.
final class HTTP1Handler: ChannelDuplexHandler, ConnectionDriver {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// No request. `since` the last one, or since the connection.
        case idle(since: NIODeadline)
        case readingBody(Exchange, BodyBuffer, keepAlive: Bool)
        /// The rest of the body of a request whose refusal is known is read and dropped.
        case discardingBody(Exchange, dropped: Int, keepAlive: Bool)
        /// A handler has the request.
        case answering(Exchange, keepAlive: Bool)
        /// The answer is a log, which goes on until one side ends it, and the connection with it.
        case following(LogSubscription)
        /// Nothing more is read or written.
        case closed
    }

    private var state = State.idle(since: .now())
    /// What arrived while a request was being answered (RFC 9112, section 9.3.2: pipelining). Bounded: reading stops meanwhile.
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var readIsPending = false
    private var isDraining = false
    private var isProcessing = false
    /// Whether the client knows the chunked coding, which came with HTTP/1.1.
    private var isChunkedKnown = true
    private let connection: Connection
    private let worker: Worker
    private let gate: HTTP1Gate
    private var output = OutboundBuffer()
    // Set while the handler is in the pipeline, which is as long as anything calls it.
    private var context: ChannelHandlerContext?

    /// A refused request's body is read to its end when it is at most this long, so that the connection can go on.
    private static let discardLimit = 64 * 1024

    init(connection: Connection, worker: Worker, gate: HTTP1Gate) {
        self.connection = connection
        self.worker = worker
        self.gate = gate
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        waiting.append(unwrapInboundIn(data))
        process(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandon()
        waiting.removeAll()
        context.fireChannelInactive()
    }

    /// Nothing more is read or written: a request that was not answered has no one to answer, but it is audited.
    private func abandon() {
        switch state {
        case .readingBody(let exchange, let body, _):
            body.wipe()
            worker.pipeline.record(exchange, status: 400)
        case .discardingBody(let exchange, _, _):
            worker.pipeline.record(exchange, status: 400)
        case .answering(let exchange, _):
            worker.pipeline.record(exchange, status: 499)
        case .following(let subscription):
            subscription.close()
        case .idle, .closed:
            break
        }
        state = .closed
    }

    /// Reading stops while a request is being answered, so that a client cannot fill the memory with pipelined ones.
    func read(context: ChannelHandlerContext) {
        if case .answering = state { readIsPending = true } else { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .following(let subscription) = state { subscription.pump() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow, is HTTP1Gate.HeaderTooLarge:
            refuse(.error(431, "request header is too large"), context)
        case HTTPParserError.invalidVersion:
            refuse(.error(505, "HTTP version is not supported"), context)
        case is HTTPParserError:
            refuse(.error(400, "malformed HTTP request"), context)
        default:
            worker.connectionFailed(error, address: connection.address)
            close(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { inputClosed(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func checkDeadlines(now: NIODeadline) {
        guard let context else { return }
        switch state {
        case .idle(let since):
            if let began = gate.headBegan {
                if now - began > worker.limits.requestHead { refuse(.error(408, "request header took too long"), context) }
            } else if now - since > worker.limits.idle {
                close(context)
            }
        case .readingBody(let exchange, _, _), .discardingBody(let exchange, _, _):
            guard let deadline = exchange.deadline, now >= deadline else { return }
            send(.error(504, "the request took too long"), for: exchange, keepAlive: false, context)
        case .following(let subscription):
            if subscription.cutOffIfBehind(now: now) { worker.cutOff(connection) }
        case .answering, .closed:
            break
        }
    }

    func drain() {
        isDraining = true
        guard let context else { return }
        switch state {
        case .idle: close(context)
        case .following(let subscription): subscription.end()
        case .readingBody, .discardingBody, .answering, .closed: break
        }
    }

    var spoken: ConnectionProtocol { .http1 }

    var activeRequests: Int {
        switch state {
        case .idle, .following, .closed: 0
        case .readingBody, .discardingBody, .answering: 1
        }
    }

    private func process(_ context: ChannelHandlerContext) {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        while !waiting.isEmpty {
            switch state {
            case .answering: return
            // There is no request after one whose answer does not end.
            case .following, .closed: return waiting.removeAll()
            case .idle, .readingBody, .discardingBody: take(waiting.removeFirst(), context)
            }
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (part, state) {
        case (.head(let head), .idle):
            gate.headArrived()
            begin(head, context)
        case (.body(let bytes), .readingBody(let exchange, var body, let keepAlive)):
            // The state must not hold a second reference while the body grows, or each piece would copy it.
            state = .closed
            guard body.count + bytes.readableBytes <= exchange.bodyLimit else {
                body.wipe()
                bytes.wipe()
                return send(.error(413, "request body too large"), for: exchange, keepAlive: false, context)
            }
            body.append(bytes)
            state = .readingBody(exchange, body, keepAlive: keepAlive)
        case (.body(let bytes), .discardingBody(let exchange, let dropped, let keepAlive)):
            bytes.wipe()
            let total = dropped + bytes.readableBytes
            state = .discardingBody(exchange, dropped: total, keepAlive: keepAlive)
            if total > Self.discardLimit { answer(exchange, body: ByteBuffer(), keepAlive: false, context) }
        case (.end, .readingBody(let exchange, let body, let keepAlive)):
            answer(exchange, body: body.bytes, keepAlive: keepAlive, context)
        case (.end, .discardingBody(let exchange, _, let keepAlive)):
            answer(exchange, body: ByteBuffer(), keepAlive: keepAlive, context)
        default:
            // Parts of a request that was already refused and whose connection is closing.
            break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var request = RequestHead(method: head.method.rawValue, target: head.uri)
        request.contentLength = head.headers.first(name: "content-length").flatMap { Int($0) }
        if let header = worker.forwardedCertificateHeader(on: connection) {
            request.forwardedCertificate = head.headers.first(name: header)
            request.forwardedFor = head.headers.first(name: "x-forwarded-for")
        }
        isChunkedKnown = head.version.minor > 0
        let exchange = worker.pipeline.begin(request, on: connection)
        let expectsContinue = head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        switch exchange.admission {
        case .accepted:
            if expectsContinue { writeContinue(context) }
            state = .readingBody(exchange, BodyBuffer(), keepAlive: head.isKeepAlive)
        case .rejected:
            if expectsContinue || (request.contentLength ?? 0) > Self.discardLimit {
                answer(exchange, body: ByteBuffer(), keepAlive: false, context)
            } else {
                state = .discardingBody(exchange, dropped: 0, keepAlive: head.isKeepAlive)
            }
        }
    }

    private func answer(_ exchange: Exchange, body: ByteBuffer, keepAlive: Bool, _ context: ChannelHandlerContext) {
        state = .answering(exchange, keepAlive: keepAlive)
        switch worker.pipeline.respond(to: exchange, body: body) {
        case .ready(let response):
            body.wipe()
            send(response, for: exchange, keepAlive: keepAlive, context)
        case .following(let log):
            follow(log, exchange, context)
        case .pending(let future):
            future.assumeIsolated().whenComplete { result in
                body.wipe()
                guard case .answering = self.state, let context = self.context else { return }
                let response = self.worker.response(of: result)
                self.send(response, for: exchange, keepAlive: keepAlive, context)
                self.process(context)
                if self.readIsPending {
                    self.readIsPending = false
                    context.read()
                }
            }
        }
    }

    private func send(_ response: Response, for exchange: Exchange, keepAlive: Bool, _ context: ChannelHandlerContext) {
        let keepAlive = keepAlive && !isDraining
        worker.pipeline.record(exchange, status: response.status)
        state = .idle(since: .now())
        gate.requestEnded()
        output.bytes.writeHTTP1(response, date: worker.date, keepAlive: keepAlive, isHead: exchange.isHead)
        output.flush(context)
        response.body.wipe()
        if !keepAlive { close(context) }
    }

    private func follow(_ log: LogKind, _ exchange: Exchange, _ context: ChannelHandlerContext) {
        guard !exchange.isHead, !isDraining else { return send(.following, for: exchange, keepAlive: false, context) }
        output.bytes.writeHTTP1(
            .following, date: worker.date, keepAlive: false, isHead: false, isChunkedKnown: isChunkedKnown)
        output.flush(context)
        state = .following(worker.follow(log, exchange, HTTP1LogStream(context, isChunked: isChunkedKnown)))
        worker.pipeline.record(exchange, status: 200)
    }

    /// Answers what is no proper request, and ends the connection: where the next one begins is not known.
    private func refuse(_ response: Response, _ context: ChannelHandlerContext) {
        switch state {
        case .closed:
            return
        case .following(let subscription):
            subscription.end()
        case .readingBody(let exchange, let body, _):
            body.wipe()
            send(response, for: exchange, keepAlive: false, context)
        case .discardingBody(let exchange, _, _):
            send(response, for: exchange, keepAlive: false, context)
        case .answering(let exchange, _):
            // What follows a good request is broken. The good one still gets its answer, and it is the last.
            state = .answering(exchange, keepAlive: false)
            isDraining = true
        case .idle:
            let exchange = worker.pipeline.reject(response, target: "", on: connection)
            send(response, for: exchange, keepAlive: false, context)
        }
    }

    private func inputClosed(_ context: ChannelHandlerContext) {
        switch state {
        case .readingBody(let exchange, let body, _):
            body.wipe()
            send(.error(400, "request body is incomplete"), for: exchange, keepAlive: false, context)
        case .discardingBody(let exchange, _, _):
            answer(exchange, body: ByteBuffer(), keepAlive: false, context)
        case .answering:
            isDraining = true
        case .following(let subscription):
            subscription.end()
        case .idle:
            close(context)
        case .closed:
            break
        }
    }

    private func writeContinue(_ context: ChannelHandlerContext) {
        output.bytes.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
        output.flush(context)
    }

    private func close(_ context: ChannelHandlerContext) {
        abandon()
        context.closeConnection()
    }
}
