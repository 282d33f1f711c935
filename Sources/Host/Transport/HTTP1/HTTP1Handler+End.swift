import NIOCore

/// How an HTTP/1.1 connection ends: by the client, by the server, or because nobody could say where the next request begins.
extension HTTP1Handler {
    func drain() {
        isDraining = true
        guard let context else { return }
        switch state {
        case .idle: closeWhenSent(context)
        case .readingBody, .discardingBody, .answering, .following, .ending, .closing, .closed: break
        }
    }

    func endFollowing() {
        if case .following(let subscription) = state { subscription.end() }
    }

    var isFollowing: Bool {
        if case .following = state { true } else { false }
    }

    var isOnlyFollowing: Bool { isFollowing }

    /// The client sends nothing more. What it has sent whole is answered.
    func inputEnded(_ context: ChannelHandlerContext) {
        inputHasEnded = true
        // See `goOn`, which comes back here.
        guard waiting.readableBytes == 0 else { return }
        switch state {
        case .readingBody(let exchange):
            sendLast(.error(400, "request body is incomplete"), for: exchange)
        case .discardingBody(let exchange, _):
            keepAlive = false
            answer(exchange)
        case .answering:
            break
        case .following(let subscription):
            subscription.end()
        case .idle:
            closeWhenSent(context)
        case .ending, .closing, .closed:
            break
        }
        flush(context)
    }

    /// Answers what is no proper request, and ends the connection: where the next one begins is not known.
    func refuse(_ response: Response) {
        switch state {
        case .readingBody(let exchange), .discardingBody(let exchange, _):
            sendLast(response, for: exchange)
        case .answering:
            // What follows a good request is broken. The good one still gets its answer, and it is the last.
            keepAlive = false
        case .following(let subscription):
            subscription.end()
        case .idle:
            sendLast(response, for: worker.pipeline.reject(response, target: "", on: connection))
        case .ending, .closing, .closed:
            break
        }
    }

    /// Every answer is written, and the client gets what it has not taken yet.
    func closeWhenSent(_ context: ChannelHandlerContext) {
        abandon()
        state = .closing(since: .now())
        context.closeConnectionWhenSent()
    }

    func close(_ context: ChannelHandlerContext) {
        abandon()
        context.closeConnection()
    }

    /// Nothing more is read or written: a request that was not answered has no one to answer, but it is audited.
    func abandon() {
        switch state {
        case .readingBody(let exchange), .discardingBody(let exchange, _): worker.pipeline.record(exchange, status: 400)
        case .answering(let exchange): worker.pipeline.record(exchange, status: 499)
        case .following(let subscription): subscription.close()
        case .idle, .ending, .closing, .closed: break
        }
        body.clear()
        dropWaiting()
        state = .closed
    }

    /// What waits is behind the last request that is answered.
    func dropWaiting() {
        waiting.wipe()
        waiting = ByteBuffer()
    }
}
