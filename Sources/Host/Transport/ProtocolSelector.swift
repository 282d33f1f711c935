import NIOCore
import NIOSSL
import NIOTLS

/// Waits for the TLS handshake, finds out who the client is, and puts the protocol that was agreed on (RFC 7301) in its place.
final class ProtocolSelector: ChannelInboundHandler, ConnectionDriver, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let worker: Worker
    private let verification: ClientVerification
    private let delay: EndOfInputDelay
    private let address: String
    private let began = NIODeadline.now()
    private var connection: Connection?
    private var hasFailed = false
    private var context: ChannelHandlerContext?

    init(worker: Worker, verification: ClientVerification, delay: EndOfInputDelay, address: String) {
        self.worker = worker
        self.verification = verification
        self.delay = delay
        self.address = address
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let connection = Connection(address: address, driver: self)
        self.connection = connection
        worker.add(connection)
        let worker = self.worker
        context.channel.closeFuture.assumeIsolated().whenComplete { _ in worker.remove(connection) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connection = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let name) = event as? TLSUserEvent, let connection else {
            return context.fireUserInboundEventTriggered(event)
        }
        let pipeline = context.pipeline.syncOperations
        do {
            let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
            let client = try verification.result(tls.peerCertificate, newest: worker.pipeline.trust)
            connection.begin(as: client, over: tls)
            worker.pipeline.figures.handshakes += 1
            if name == "h2" {
                let handler = HTTP2Handler(connection: connection, worker: worker)
                connection.hand(to: handler)
                try pipeline.addHandler(handler)
            } else {
                try addHTTP1(connection, pipeline)
            }
            pipeline.removeHandler(delay, promise: nil)
            pipeline.removeHandler(context: context, promise: nil)
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !hasFailed, let explanation = verification.explain(error) {
            worker.handshakeFailed(explanation, address: address)
        } else {
            worker.connectionFailed(error, address: address)
        }
        countFailure()
        context.closeConnection()
    }

    func checkDeadlines(now: NIODeadline) {
        guard now - began > worker.limits.handshake else { return }
        countFailure()
        context?.closeConnection()
    }

    var spoken: ConnectionProtocol { .handshake }
    var activeRequests: Int { 0 }

    /// One failure may be told in several errors.
    private func countFailure() {
        if !hasFailed { worker.pipeline.figures.failedHandshakes += 1 }
        hasFailed = true
    }

    func drain() {
        context?.closeConnection()
    }

    func endFollowing() {}
    var isFollowing: Bool { false }
    var isOnlyFollowing: Bool { false }

    private func addHTTP1(_ connection: Connection, _ pipeline: ChannelPipeline.SynchronousOperations) throws {
        let handler = HTTP1Handler(connection: connection, worker: worker)
        connection.hand(to: handler)
        try pipeline.addHandler(handler)
    }
}
