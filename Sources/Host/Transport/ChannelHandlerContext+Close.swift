import NIOCore
import NIOSSL

extension ChannelHandlerContext {
    /// Closes the connection as soon as the socket has taken what was written.
    ///
    /// The caller ends it with `closeConnection` if that takes too long.
    func closeConnectionWhenSent() {
        let unsent = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        guard unsent > 0, let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) else {
            return closeConnection()
        }
        // Writes complete in order: when one of nothing has, behind what TLS has encrypted, the others have.
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.closeConnection() }
        tls.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }

    /// Closes the connection: TLS's close_notify goes out (RFC 8446, section 6.1), and the socket is closed as soon as the client has done the
    /// same. What the socket has not taken goes out before, but only until NIOSSL's time limit for that (`TLSListenerContext`).
    ///
    /// Half-closure, which the listener allows so that a client may end its side and still get its answer, is over from here on: with it
    /// NIOSSL would wait for its time limit although the client has closed, and keep the connection's memory that long.
    func closeConnection() {
        // A channel without the option or that is closed already has nothing to switch off.
        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        close(mode: .all, promise: nil)
    }

    /// Whether an error says only that the client closed its side without TLS's close_notify, which a server has to be prepared for (RFC 9112,
    /// section 9.8): requests say how long they are. That the side is closed is told of as well, by itself.
    func isEndOfInput(_ error: any Error) -> Bool {
        if case .uncleanShutdown = error as? NIOSSLError { true } else { false }
    }
}
