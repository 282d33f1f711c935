import NIOCore

/// Speaks HTTP/2 (RFC 9113) on one connection: each read is taken whole, the requests that it completes are answered at once, and all
/// that there is to send goes out in one write.
final class HTTP2Handler: ChannelDuplexHandler, ConnectionDriver, HTTP2SessionDelegate {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Connection
    private let worker: Worker
    private var session: HTTP2Session?
    private var output = OutboundBuffer()
    /// The last request that was accepted.
    private var accepted: Exchange?
    private var idleSince = NIODeadline.now()
    private var isDraining = false
    /// The client has closed its side.
    private var inputHasEnded = false
    private var isFlushScheduled = false
    /// The streams on which a log is followed.
    private var following: [Int32: HTTP2Stream] = [:]
    private var readIsPending = false
    private var waiting = WaitingRequests()
    /// Requests that the keystore works on, of streams that the client has reset too.
    private var calls = 0
    /// Since when the client takes nothing of what is written.
    private var stalledSince: NIODeadline?
    /// Since when there is nothing more to write.
    private var closingSince: NIODeadline?
    // Set while the handler is in the pipeline, which is as long as anything calls it.
    private var context: ChannelHandlerContext?

    init(connection: Connection, worker: Worker) {
        self.connection = connection
        self.worker = worker
    }

    var forwardedCertificateHeader: String? { worker.forwardedCertificateHeader(on: connection) }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        do throws(HTTP2Session.Failure) {
            session = try HTTP2Session(delegate: self, limits: worker.limits, pieces: worker.pieces)
            flush(context)
        } catch {
            fail(error, context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        session = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard let session else { return bytes.wipe() }
        do throws(HTTP2Session.Failure) {
            try bytes.withUnsafeReadableBytes { raw throws(HTTP2Session.Failure) in try session.receive(raw) }
            bytes.wipe()
        } catch {
            bytes.wipe()
            fail(error, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush(context)
        context.fireChannelReadComplete()
    }

    /// Reading stops while the client does not take what is written, so that it cannot fill the memory with answers.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable { context.read() } else { readIsPending = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stalledSince = context.channel.isWritable ? nil : .now()
        if context.channel.isWritable, readIsPending {
            readIsPending = false
            context.read()
        }
        // Not at once: the change may come out of a flush.
        if context.channel.isWritable { scheduleFlush(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        for stream in session?.streams ?? [] { streamClosed(stream) }
        session = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !context.isEndOfInput(error) else { return }
        worker.connectionFailed(error, address: connection.address)
        context.closeConnection()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { inputEnded() }
        context.fireUserInboundEventTriggered(event)
    }

    func checkDeadlines(now: NIODeadline) {
        guard let context, let session else { return }
        // No frame would tell the client that a stream is given up.
        if let since = closingSince ?? stalledSince, now - since > worker.limits.idle { return context.closeConnection() }
        for stream in Array(following.values) { stream.subscription?.checkTime(now: now) }
        if session.streams.isEmpty {
            if now - idleSince > worker.limits.idle { drain() }
        } else {
            for stream in session.streams { checkDeadline(stream, session, now: now) }
        }
        if let began = session.headBegan, now - began > worker.limits.requestHead { context.closeConnection() }
        flush(context)
    }

    private func checkDeadline(_ stream: HTTP2Stream, _ session: HTTP2Session, now: NIODeadline) {
        guard let exchange = stream.exchange, now >= exchange.deadline ?? exchange.start + worker.limits.idle else { return }
        if stream.isComplete, !stream.isWaiting {
            // An answer that the client does not take: its flow control must not keep a plaintext in memory for ever.
            let limit = (exchange.deadline ?? exchange.start) + worker.limits.idle
            if stream.isAnswered, stream.subscription == nil, now >= limit { session.abort(stream) }
        } else if stream.isAnswered {
            session.abandon(stream)
        } else {
            answer(stream, exchange, .error(504, "the request took too long"))
        }
    }

    var spoken: ConnectionProtocol { .http2 }

    var activeRequests: Int { session?.streams.count { !$0.isAnswered } ?? 0 }

    func drain() {
        guard !isDraining else { return }
        isDraining = true
        guard let context, let session else { return }
        session.announceEnd()
        flush(context)
    }

    func endFollowing() {
        for stream in Array(following.values) { stream.subscription?.end() }
    }

    var isFollowing: Bool { !following.isEmpty }

    var isOnlyFollowing: Bool { isFollowing && session?.streams.count == following.count }

    /// The client sends nothing more. What it has sent whole is answered; the rest never will be whole.
    private func inputEnded() {
        guard let context, let session else { return }
        inputHasEnded = true
        endFollowing()
        for stream in session.streams where !stream.isComplete {
            if let exchange = stream.exchange { answer(stream, exchange, .error(400, "request body is incomplete")) }
        }
        drain()
        flush(context)
    }

    /// Whether there will be nothing more to write: answers that the client's flow control holds back stay so when it has closed its side.
    private func isOver(_ session: HTTP2Session) -> Bool {
        if session.isFinished || (isDraining && session.streams.isEmpty) { return true }
        return inputHasEnded && !session.streams.contains { $0.exchange != nil && !$0.isAnswered }
    }

    // MARK: - What the session tells

    func headArrived(_ stream: HTTP2Stream) {
        if stream.headerBytes > worker.limits.headerBytes {
            let response = Response.error(431, "request header is too large")
            stream.exchange = worker.pipeline.reject(response, target: stream.head.target, on: connection)
        } else {
            // Moved, since a copy would cost a reference count for each of its strings.
            var head = RequestHead()
            swap(&head, &stream.head)
            stream.exchange = begin(head)
        }
        guard let exchange = stream.exchange, case .rejected(let response) = exchange.admission else { return }
        answer(stream, exchange, response)
    }

    private func begin(_ head: RequestHead) -> Exchange {
        if accepted?.decides(head, under: worker.pipeline.api.serial) == true,
            let exchange = worker.pipeline.begin(again: &accepted)
        {
            return exchange
        }
        let exchange = worker.pipeline.begin(head, on: connection)
        if case .accepted = exchange.admission { accepted = exchange }
        return exchange
    }

    func bodyTooLarge(_ stream: HTTP2Stream) {
        guard let exchange = stream.exchange else { return }
        answer(stream, exchange, .bodyTooLarge(limit: exchange.bodyLimit))
    }

    func requestArrived(_ stream: HTTP2Stream) {
        if waiting.isEmpty, mayBegin { begin(stream) } else { waiting.append(stream) }
    }

    /// Whether there is room for the answer to another request. Else it waits, with its body, which `HTTP2Session` counts.
    private var mayBegin: Bool {
        calls < worker.limits.concurrentCalls && session.map { $0.unsentBytes < worker.limits.unsentBytes } ?? false
    }

    /// Begins with requests that have waited, as far as there is room for their answers.
    ///
    /// - Returns: Whether there were any.
    private func beginWaiting() -> Bool {
        var hasBegun = false
        while mayBegin, let next = waiting.removeFirst() {
            begin(next)
            hasBegun = true
        }
        return hasBegun
    }

    private func begin(_ stream: HTTP2Stream) {
        guard let exchange = stream.exchange else { return }
        switch worker.pipeline.respond(to: exchange, body: stream.body.bytes) {
        case .ready(let response):
            answer(stream, exchange, response)
        case .following(let log):
            follow(log, stream, exchange)
        case .pending(let future):
            calls += 1
            future.assumeIsolated().whenComplete { result in
                self.calls -= 1
                guard let context = self.context else { return }
                if stream.isOpen { self.answer(stream, exchange, self.worker.response(of: result)) }
                self.scheduleFlush(context)
            }
        }
    }

    func streamClosed(_ stream: HTTP2Stream) {
        idleSince = .now()
        waiting.remove(stream)
        following.removeValue(forKey: stream.id)?.subscription?.close()
        if isDraining { worker.scheduleDrainCheck() }
        guard !stream.isAnswered else { return }
        if let exchange = stream.exchange {
            // The client gave the request up: 499, as nginx logs it. It is audited, since it may have had its effect.
            worker.pipeline.record(exchange, status: 499)
        } else {
            // libnghttp2 refused its head as malformed (RFC 9113, section 8.1.1) and has reset the stream.
            let malformed = worker.pipeline.reject(.empty(400), target: stream.head.target, on: connection)
            worker.pipeline.record(malformed, status: 400)
        }
    }

    private func follow(_ log: LogKind, _ stream: HTTP2Stream, _ exchange: Exchange) {
        guard !isDraining else { return answer(stream, exchange, .error(503, "the server is being stopped")) }
        let isGzip = stream.codings.prefersGzip
        guard !exchange.isHead else { return answer(stream, exchange, .following(isGzip: isGzip)) }
        following[stream.id] = stream
        stream.subscription = worker.follow(log, exchange, isGzip: isGzip, HTTP2LogStream(stream, handler: self))
        answer(stream, exchange, .following(isGzip: isGzip))
    }

    // MARK: - What a log that is followed asks for

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func resume(_ stream: HTTP2Stream) {
        session?.resume(stream)
        if let context { scheduleFlush(context) }
    }

    func abort(_ stream: HTTP2Stream) {
        worker.cutOff(connection)
        guard let context else { return }
        // No frame would tell the client.
        if stalledSince != nil { return context.closeConnection() }
        session?.abort(stream)
        scheduleFlush(context)
    }

    private func answer(_ stream: HTTP2Stream, _ exchange: Exchange, _ response: Response) {
        guard let session, let context, !stream.isAnswered else { return }
        waiting.remove(stream)
        worker.pipeline.record(exchange, status: response.status)
        do throws(HTTP2Session.Failure) {
            try session.answer(stream, with: response, date: worker.date, isHead: exchange.isHead)
        } catch {
            fail(error, context)
        }
    }

    /// Answers that come in one tick of the loop go out in one write.
    private func scheduleFlush(_ context: ChannelHandlerContext) {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            if let context = self.context { self.flush(context) }
        }
    }

    /// Writes what there is to send, as far as the client takes it.
    private func flush(_ context: ChannelHandlerContext) {
        guard let session else { return }
        var isAll = false
        // A write that fails may end the session before it returns.
        while self.session != nil, context.channel.isWritable, !isAll || beginWaiting() {
            do throws(HTTP2Session.Failure) {
                isAll = try session.writePending(to: &output.bytes)
            } catch {
                return fail(error, context)
            }
            guard var bytes = output.take() else { continue }
            bytes.send(context)
            output.reuse(bytes, or: worker.pieces)
        }
        for stream in following.values { stream.subscription?.pump() }
        // What they have left goes out in the next turn.
        guard isAll, !isFlushScheduled, closingSince == nil, isOver(session) else { return }
        closingSince = .now()
        context.closeConnectionWhenSent()
    }

    private func fail(_ error: HTTP2Session.Failure, _ context: ChannelHandlerContext) {
        worker.connectionFailed(error, address: connection.address)
        context.closeConnection()
    }
}
