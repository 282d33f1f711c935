import NIOCore
import NIOSSL

extension ChannelHandlerContext {
    /// Closes the connection: what was written goes out, then TLS's close_notify (RFC 8446, section 6.1), and the socket is closed as soon as
    /// the client has done the same.
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
