import NIOCore

/// Stands before the HTTP/1.1 decoder and watches the bytes that it swallows: when a request's head began and how long it is.
///
/// The decoder says nothing before a head is whole, so that a client could send one for ever. Nor does it limit the target.
final class HTTP1Gate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// When the first byte of a head arrived that is not whole yet.
    private(set) var headBegan: NIODeadline?
    private var headBytes = 0
    private var expectsHead = true
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// The decoder has delivered a head.
    func headArrived() {
        headBegan = nil
        headBytes = 0
        expectsHead = false
    }

    /// A request is over: what comes next is a head.
    func requestEnded() {
        expectsHead = true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = unwrapInboundIn(data).readableBytes
        if expectsHead {
            if headBegan == nil { headBegan = .now() }
            headBytes += count
        }
        context.fireChannelRead(data)
        // Only now: a read may hold a whole request, or many.
        if headBegan != nil, headBytes > limit {
            context.fireErrorCaught(HeaderTooLarge())
        }
    }

    struct HeaderTooLarge: Error {}
}
