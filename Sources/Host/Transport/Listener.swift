import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Accepts connections and gives each its TLS handler and its worker.
final class Listener: Sendable {
    private let workers: [ObjectIdentifier: NIOLoopBound<Worker>]
    private let tls: NIOLockedValueBox<TLSListenerContext>
    private let logger: Logger
    /// The most connections at once, and how many there are.
    private let limit: Int
    private let count = Atomic(0)
    private let fullTold = LogInterval()
    private let failureTold = LogInterval()

    /// - Parameters:
    ///   - workers: One for each event loop of the group that `start` gets.
    ///   - limit: How many connections may be open at once.
    init(workers: [NIOLoopBound<Worker>], tls: TLSListenerContext, limit: Int, logger: Logger) {
        self.workers = Dictionary(uniqueKeysWithValues: workers.map { (ObjectIdentifier($0.eventLoop), $0) })
        self.tls = NIOLockedValueBox(tls)
        self.limit = limit
        self.logger = logger
    }

    /// Takes other certificates into use for connections that begin from now on.
    func use(_ context: TLSListenerContext) {
        tls.withLockedValue { $0 = context }
    }

    /// Listens. The future has the channel, whose `localAddress` has the port that was chosen when the configured one is 0.
    func start(on address: ListenAddress, group: any EventLoopGroup) -> EventLoopFuture<any Channel> {
        guard address.isEvery else { return bind(address.host, address.port, group) }
        return bind("::", address.port, group).flatMapError { error in
            // A kernel without IPv6 (socket(2)), or one where it is switched off (ip(7), ipv6(7)).
            guard let code = (error as? IOError)?.errnoCode, code == EAFNOSUPPORT || code == EADDRNOTAVAIL else {
                return group.next().makeFailedFuture(error)
            }
            return self.bind("0.0.0.0", address.port, group)
        }
    }

    private func bind(_ host: String, _ port: Int, _ group: any EventLoopGroup) -> EventLoopFuture<any Channel> {
        // NIO lets a socket for `::` take IPv4 as well, whatever net.ipv6.bindv6only says (ipv6(7)).
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause { self.failedToAccept($0) })
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // A client may close its side after a request and still wait for the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.initialize(channel) }
            }
            .bind(host: host, port: port)
    }

    /// An IP address as a client would write its own: a socket for both kinds gives those of IPv4 as `::ffff:192.0.2.1` (RFC 4291,
    /// section 2.5.5.2).
    private static func address(of remote: SocketAddress?) -> String {
        guard let text = remote?.ipAddress else { return "" }
        let mapped = "::ffff:"
        return text.hasPrefix(mapped) && text.contains(".") ? String(text.dropFirst(mapped.count)) : text
    }

    private func failedToAccept(_ error: IOError) {
        guard failureTold.isDue() else { return }
        logger.warning("connections cannot be accepted for now: \(SystemError.text(error.errnoCode))")
    }

    /// The connections of clients, who need not be known, must not take the descriptors that the keystore needs.
    private func admit(_ channel: any Channel) throws {
        let others = count.add(1, ordering: .relaxed).oldValue
        channel.closeFuture.whenComplete { _ in self.count.subtract(1, ordering: .relaxed) }
        guard others >= limit else { return }
        if fullTold.isDue() {
            logger.warning(
                "connections are refused: \(limit) are open, and the limit of open files leaves no more; raise it (LimitNOFILE, ulimit -n)"
            )
        }
        throw TooManyConnections()
    }

    private struct TooManyConnections: Error {}

    private func initialize(_ channel: any Channel) throws {
        try admit(channel)
        guard let worker = workers[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.operationUnsupported
        }
        let context = tls.withLockedValue { $0 }
        let address = Self.address(of: channel.remoteAddress)
        let verification = ClientVerification(
            trust: context.trust, server: context.subject, certificates: worker.certificates, logger: logger, address: address)
        let pipeline = channel.pipeline.syncOperations
        // The callback runs on the connection's event loop (NIOSSLCustomVerificationCallback), which `verification` belongs to.
        let bound = NIOLoopBound(verification, eventLoop: channel.eventLoop)
        let delay = EndOfInputDelay()
        try pipeline.addHandler(delay)
        try pipeline.addHandler(
            NIOSSLServerHandler(
                context: context.context, customVerificationCallback: { chain, promise in bound.value.verify(chain, promise) },
                configuration: .init()))
        try pipeline.addHandler(ProtocolSelector(worker: worker, verification: verification, delay: delay, address: address))
    }
}
