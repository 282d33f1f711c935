import NIOCore

/// Speaks HTTP/1.1 (RFC 9112) on one connection: one request at a time, in order. What a read completes is answered at once, and all
/// answers go out in one write.
final class HTTP1Handler: ChannelDuplexHandler, ConnectionDriver, HTTP1ParserDelegate {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var state = HTTP1State.idle(since: .now())
    /// Whether another request may follow the current one.
    var keepAlive = true
    private var knowsChunked = true
    private var prefersGzip = false
    var body = BodyBuffer()
    private var repeated = HTTP1RepeatedHead()
    /// The request whose head came last, and the length of its body, if it may be remembered.
    private var repeatable: (exchange: Exchange, bodyLength: Int)?
    /// What arrived while a request was being answered, or while the client did not take its answers (RFC 9112, section 9.3.2: pipelining).
    /// Reading stops meanwhile. But when the client closes its side, SwiftNIO reads all that the system has taken in for it, up to 32 MiB by
    /// Linux's defaults: of that, `waitingLimit` bytes are kept.
    var waiting = ByteBuffer()
    private var readIsPending = false
    private var isGoingOn = false
    var isDraining = false
    /// The client has closed its side.
    var inputHasEnded = false
    let connection: Connection
    let worker: Worker
    private var output = OutboundBuffer()
    private let parser: HTTP1Parser
    // Set while the handler is in the pipeline, which is as long as anything calls it.
    var context: ChannelHandlerContext?

    /// A refused request's body is read to its end when it is at most this long, so that the connection can go on.
    private static let discardLimit = 64 * 1024
    /// More than SwiftNIO reads before it asks whether to read on.
    private static let waitingLimit = 512 * 1024

    init(connection: Connection, worker: Worker) {
        self.connection = connection
        self.worker = worker
        parser = HTTP1Parser(headLimit: worker.limits.headerBytes)
    }

    // MARK: - What the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if state.isAnswering || waiting.readableBytes > 0 || isGoingOn {
            keep(bytes)
        } else {
            var rest = bytes
            // An answer that is there at once waits until the parser has returned: nothing is written from within its callbacks.
            isGoingOn = true
            rest.moveReaderIndex(forwardBy: parse(bytes))
            isGoingOn = false
            if rest.readableBytes > 0 { keep(rest) }
            flush(context)
            if waiting.readableBytes > 0 { goOn(context) }
        }
        bytes.wipe()
    }

    /// Keeps what comes too early. What is too much is dropped, and all behind it: the connection ends with what was kept.
    private func keep(_ bytes: ByteBuffer) {
        guard !inputHasEnded else { return }
        guard waiting.readableBytes + bytes.readableBytes <= Self.waitingLimit else { return inputHasEnded = true }
        waiting.growWiping(by: bytes.readableBytes)
        waiting.writeImmutableBuffer(bytes)
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandon()
        context.fireChannelInactive()
    }

    /// Reading stops while a request is being answered or the client does not take what is written, so that it cannot fill the memory
    /// with pipelined requests or their answers.
    func read(context: ChannelHandlerContext) {
        let isPaused = state.isAnswering || waiting.readableBytes > 0 || !context.channel.isWritable
        if isPaused { readIsPending = true } else { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .following(let subscription) = state { subscription.pump() }
        // The change may come out of a write of `goOn`, which looks for itself.
        if context.channel.isWritable { goOn(context) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !context.isEndOfInput(error) else { return }
        worker.connectionFailed(error, address: connection.address)
        close(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { inputEnded(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func checkDeadlines(now: NIODeadline) {
        guard let context else { return }
        switch state {
        case .idle(let since):
            if let began = parser.headBegan {
                if now - began > worker.limits.requestHead { refuse(.error(408, "request header took too long")) }
            } else if now - since > worker.limits.idle {
                close(context)
            }
        case .readingBody(let exchange), .discardingBody(let exchange, _):
            guard now >= exchange.deadline ?? exchange.start + worker.limits.idle else { return }
            sendLast(.error(504, "the request took too long"), for: exchange)
        case .following(let subscription):
            subscription.checkTime(now: now)
        case .closing(let since):
            if now - since > worker.limits.idle { close(context) }
        case .answering, .ending, .closed:
            break
        }
        flush(context)
    }

    var spoken: ConnectionProtocol { .http1 }

    var activeRequests: Int { state.activeRequests }

    // MARK: - What the parser tells

    func headArrived(_ head: HTTP1Head) {
        guard case .idle = state else { return }
        guard head.hasProperHost else { return refuse(.error(400, "a request needs one Host header")) }
        guard !head.hasOtherTransferCoding else { return refuse(.error(501, "no transfer coding but chunked is known here")) }
        keepAlive = head.keepAlive
        knowsChunked = head.knowsChunked
        prefersGzip = head.codings.prefersGzip
        let exchange = worker.pipeline.begin(head.request, on: connection)
        repeatable = nil
        switch exchange.admission {
        case .accepted:
            if keepAlive, !head.expectsContinue { repeatable = head.request.contentLength.map { (exchange, $0) } }
            if head.expectsContinue { output.bytes.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") }
            state = .readingBody(exchange)
        case .rejected:
            if head.expectsContinue || (head.request.contentLength ?? 0) > Self.discardLimit {
                keepAlive = false
                answer(exchange)
            } else {
                state = .discardingBody(exchange, dropped: 0)
            }
        }
    }

    func bodyArrived(_ piece: UnsafeRawBufferPointer) {
        switch state {
        case .readingBody(let exchange):
            if body.count + piece.count <= exchange.bodyLimit {
                body.append(piece)
            } else {
                sendLast(.bodyTooLarge(limit: exchange.bodyLimit), for: exchange)
            }
        case .discardingBody(let exchange, let dropped):
            state = .discardingBody(exchange, dropped: dropped + piece.count)
            guard dropped + piece.count > Self.discardLimit else { return }
            keepAlive = false
            answer(exchange)
        case .idle, .answering, .following, .ending, .closing, .closed:
            // Of a request that was refused, whose connection is closing.
            break
        }
    }

    func requestEnded() {
        switch state {
        case .readingBody(let exchange), .discardingBody(let exchange, _): answer(exchange)
        case .idle, .answering, .following, .ending, .closing, .closed: break
        }
    }

    // MARK: - From a request to its answer

    /// - Returns: How many bytes were used. All, when nothing more is read on this connection.
    private func parse(_ bytes: ByteBuffer) -> Int {
        // There is no request after one whose answer is the last or does not end.
        guard state.takesBytes else { return bytes.readableBytes }
        if parser.isBetweenRequests { parser.forwardedCertificateHeader = worker.forwardedCertificateHeader(on: connection) }
        do throws(HTTP1Parser.Problem) {
            let used = try bytes.withUnsafeReadableBytes { raw throws(HTTP1Parser.Problem) in try parse(raw) }
            return state.takesBytes || state.isAnswering ? used : bytes.readableBytes
        } catch {
            refuse(error.response)
            return bytes.readableBytes
        }
    }

    /// Answers what is whole, until there is enough to write.
    ///
    /// - Returns: How many bytes were used.
    private func parse(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Parser.Problem) -> Int {
        var used = 0
        while used < bytes.count, state.takesBytes, !output.isFull {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
            if let length = answerRepeated(rest) {
                used += length
                continue
            }
            let parsed = try parser.parse(rest, telling: self)
            used += parsed
            // Nothing more is HTTP.
            guard parsed > 0 else { return bytes.count }
            if parser.tookOneRequest, let (exchange, length) = repeatable {
                repeated.remember(UnsafeRawBufferPointer(rebasing: rest[..<parsed]), bodyLength: length, exchange)
            }
            repeatable = nil
        }
        return used
    }

    /// Answers a request whose head is the last one's, byte for byte, and which is there whole.
    ///
    /// - Returns: Its length; nil when there is no such request, so that the parser has to look.
    private func answerRepeated(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard case .idle = state, parser.isBetweenRequests, let range = repeated.body(in: bytes),
            let exchange = worker.pipeline.begin(again: &repeated.exchange)
        else { return nil }
        body.append(UnsafeRawBufferPointer(rebasing: bytes[range]))
        answer(exchange)
        return range.upperBound
    }

    func answer(_ exchange: Exchange) {
        state = .answering(exchange)
        switch worker.pipeline.respond(to: exchange, body: body.bytes) {
        case .ready(let response):
            send(response, for: exchange)
        case .following(let log):
            follow(log, exchange)
        case .pending(let future):
            future.assumeIsolated().whenComplete { result in
                guard case .answering = self.state, let context = self.context else { return }
                self.send(self.worker.response(of: result), for: exchange)
                self.goOn(context)
            }
        }
    }

    private func send(_ response: Response, for exchange: Exchange) {
        body.clear()
        keepAlive = keepAlive && !isDraining
        let now = worker.pipeline.record(exchange, status: response.status)
        output.bytes.writeHTTP1(
            response, date: worker.date, keepAlive: keepAlive, isHead: exchange.isHead, isChunkedKnown: knowsChunked)
        response.body.wipe()
        state = keepAlive ? .idle(since: now) : .ending
    }

    func sendLast(_ response: Response, for exchange: Exchange) {
        keepAlive = false
        send(response, for: exchange)
    }

    /// Answers what waits, as far as the client takes the answers, and then reads on: after an answer that took its time, and when the
    /// client has taken what was written.
    private func goOn(_ context: ChannelHandlerContext) {
        guard !isGoingOn else { return }
        isGoingOn = true
        flush(context)
        while waiting.readableBytes > 0, state.takesBytes, context.channel.isWritable {
            let used = parse(waiting)
            waiting.readSlice(length: used)?.wipe()
            flush(context)
        }
        isGoingOn = false
        if waiting.readableBytes == 0 || !(state.takesBytes || state.isAnswering) { dropWaiting() }
        if inputHasEnded, waiting.readableBytes == 0 { inputEnded(context) }
        guard readIsPending else { return }
        readIsPending = false
        read(context: context)
    }

    private func follow(_ log: LogKind, _ exchange: Exchange) {
        guard !isDraining, let context else { return sendLast(.error(503, "the server is being stopped"), for: exchange) }
        let response = Response.following(isGzip: prefersGzip)
        guard !exchange.isHead else { return sendLast(response, for: exchange) }
        // The head goes out when the read is over. Events come later, in turns of the loop of their own.
        output.bytes.writeHTTP1(response, date: worker.date, keepAlive: false, isHead: false, isChunkedKnown: knowsChunked)
        state = .following(
            worker.follow(log, exchange, isGzip: prefersGzip, HTTP1LogStream(context, handler: self, isChunked: knowsChunked)))
        worker.pipeline.record(exchange, status: 200)
    }

    func flush(_ context: ChannelHandlerContext) {
        if var bytes = output.take() {
            bytes.send(context)
            output.reuse(bytes, or: worker.pieces)
        }
        if case .ending = state { closeWhenSent(context) }
    }
}
