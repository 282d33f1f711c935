import NIOCore

/// Marks what the system fails a connection with after it was established.
///
/// One that gets no answer fails in the end with what routers said meanwhile, EHOSTUNREACH for example, as one does that never came
/// about (RFC 1122, section 4.2.3.9). But what was sent over it may have been carried out. It stands next to the socket.
package final class EstablishedConnection: ChannelDuplexHandler {
    package typealias InboundIn = Any
    package typealias OutboundIn = Any

    package enum Failure: Error {
        case system(IOError)
    }

    package init() {}

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(Self.marked(error))
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let promise else { return context.write(data, promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.flatMapErrorThrowing { throw Self.marked($0) }.cascade(to: promise)
        context.write(data, promise: written)
    }

    private static func marked(_ error: any Error) -> any Error {
        (error as? IOError).map(Failure.system) ?? error
    }
}
