import Glibc
import NIOCore

/// Accepts no connection for a moment after the system had no descriptor or no memory for one.
///
/// Without it the system is asked again at once and for ever, which takes a processor. NIOCore's `AcceptBackoffHandler` is of no use for
/// that: after a failure the channel goes on without asking its handlers whether to.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let tell: (IOError) -> Void

    private static let length = TimeAmount.milliseconds(100)

    /// - Parameter tell: Called with each failure.
    init(_ tell: @escaping (IOError) -> Void) {
        self.tell = tell
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that is gone already is none of the system's failures.
        guard let error = error as? IOError, error.errnoCode != ECONNABORTED else { return }
        tell(error)
        // A channel that is closed by now needs neither.
        let options = context.channel.syncOptions
        try? options?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.length) {
            try? options?.setOption(.autoRead, value: true)
        }
    }
}
