import NIOCore

/// A log as the body of an HTTP/1.1 answer, in the chunked coding (RFC 9112, section 7.1): each write is a chunk of its own.
final class HTTP1LogStream: LogSink {
    private unowned let handler: HTTP1Handler
    private let context: ChannelHandlerContext
    private let isChunked: Bool

    /// - Parameters:
    ///   - handler: Outlives this: it closes the subscription when its connection ends.
    ///   - isChunked: Whether the client knows the coding, which one of HTTP/1.0 does not: for it the connection's end is the body's.
    init(_ context: ChannelHandlerContext, handler: HTTP1Handler, isChunked: Bool) {
        self.handler = handler
        self.context = context
        self.isChunked = isChunked
    }

    var canTakeMore: Bool { context.channel.isActive && context.channel.isWritable }

    func take(_ lines: inout ByteBuffer) {
        // What is written is encrypted for this client alone, so that no more of it may wait than there is room for.
        while lines.readableBytes > 0, canTakeMore,
            let piece = lines.readSlice(length: min(lines.readableBytes, OutboundBuffer.piece))
        {
            if isChunked { sendChunk(piece) } else { context.writeAndFlush(NIOAny(piece), promise: nil) }
        }
    }

    private func sendChunk(_ piece: ByteBuffer) {
        let pieces = handler.worker.pieces
        var chunk = ByteBuffer()
        pieces.grow(&chunk, by: piece.readableBytes + 16)
        chunk.writeString(String(piece.readableBytes, radix: 16))
        chunk.writeStaticString("\r\n")
        chunk.writeImmutableBuffer(piece)
        chunk.writeStaticString("\r\n")
        chunk.send(context)
        pieces.give(chunk)
    }

    func finish() {
        if isChunked { context.writeAndFlush(NIOAny(ByteBuffer(staticString: "0\r\n\r\n")), promise: nil) }
        context.closeConnectionWhenSent()
    }

    func abort() {
        handler.worker.cutOff(handler.connection)
        context.closeConnection()
    }
}
