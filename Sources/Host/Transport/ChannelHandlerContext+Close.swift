import NIOCore

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
}
