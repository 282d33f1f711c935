import NIOCore

/// A log as the body of an HTTP/2 answer. The client's flow control (RFC 9113, section 5.2) says how much it takes.
final class HTTP2LogStream: LogSink {
    private unowned let handler: HTTP2Handler
    private let stream: HTTP2Stream

    /// - Parameter handler: Outlives this: it closes the subscriptions of its streams when its connection ends.
    init(_ stream: HTTP2Stream, handler: HTTP2Handler) {
        self.stream = stream
        self.handler = handler
    }

    var canTakeMore: Bool { stream.responseBody.readableBytes == 0 && handler.isWritable }

    func take(_ lines: inout ByteBuffer) {
        stream.responseBody = lines
        lines = ByteBuffer()
        handler.resume(stream)
    }

    func finish() {
        stream.isEndless = false
        handler.resume(stream)
    }

    func abort() {
        // It is kept for nobody else's sake.
        stream.responseBody = ByteBuffer()
        handler.abort(stream)
    }
}
