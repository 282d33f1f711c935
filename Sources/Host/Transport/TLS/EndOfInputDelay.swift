import NIOCore

/// Tells the TLS handler a turn of the loop later that the client has closed its side. In place for the time of the handshake only.
///
/// A client may send the last of its handshake, its request and its end all at once. NIOSSL asks for the client's certificate to be checked in
/// the middle of that, and goes on a turn later (`CustomVerifyManager`), whenever the answer comes; the end of input, which the system tells
/// of in the same turn, it would take for that of a handshake that was given up. What the loop is given to do later it does in order, so that
/// one turn is enough, and a client that has indeed given up costs no more than that.
final class EndOfInputDelay: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private var isWaiting = false
    /// The handshake is over, and this may go as soon as it has told what it knows.
    private var removal: ChannelHandlerContext.RemovalToken?
    // Set while the handler is in the pipeline.
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event as? ChannelEvent == .inputClosed else { return context.fireUserInboundEventTriggered(event) }
        isWaiting = true
        context.eventLoop.assumeIsolated().execute {
            self.isWaiting = false
            guard let context = self.context else { return }
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            if let removal = self.removal { self.context?.leavePipeline(removalToken: removal) }
        }
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        if isWaiting { removal = removalToken } else { context.leavePipeline(removalToken: removalToken) }
    }
}
