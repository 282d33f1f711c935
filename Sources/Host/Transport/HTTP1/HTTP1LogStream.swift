import NIOCore

/// A log as the body of an HTTP/1.1 answer, in the chunked coding (RFC 9112, section 7.1): each write is a chunk of its own.
final class HTTP1LogStream: LogSink {
    private let context: ChannelHandlerContext
    private let isChunked: Bool

    /// - Parameter isChunked: Whether the client knows the coding, which one of HTTP/1.0 does not: for it the connection's end is the body's.
    init(_ context: ChannelHandlerContext, isChunked: Bool) {
        self.context = context
        self.isChunked = isChunked
    }

    var canTakeMore: Bool { context.channel.isActive && context.channel.isWritable }

    func send(_ lines: ByteBuffer) {
        var rest = lines
        while let piece = rest.readSlice(length: min(rest.readableBytes, OutboundBuffer.piece)), piece.readableBytes > 0 {
            context.writeAndFlush(NIOAny(isChunked ? chunk(of: piece) : piece), promise: nil)
        }
    }

    private func chunk(of piece: ByteBuffer) -> ByteBuffer {
        var chunk = ByteBuffer()
        chunk.reserveCapacity(piece.readableBytes + 16)
        chunk.writeString(String(piece.readableBytes, radix: 16))
        chunk.writeStaticString("\r\n")
        chunk.writeImmutableBuffer(piece)
        chunk.writeStaticString("\r\n")
        return chunk
    }

    func finish() {
        if isChunked { context.writeAndFlush(NIOAny(ByteBuffer(staticString: "0\r\n\r\n")), promise: nil) }
        context.closeConnection()
    }

    func abort() {
        context.closeConnection()
    }
}
