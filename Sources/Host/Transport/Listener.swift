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
    private let state: NIOLockedValueBox<State>
    private let logger: Logger
    /// The most connections at once, and how many there are.
    private let limit: Int
    private let count = Atomic(0)
    private let fullTold = LogInterval()
    private let failureTold = LogInterval()
    private let sessionsForgotten = LogInterval()

    private struct State {
        var context: TLSListenerContext
        /// How many there were before it.
        var serial = 0

        var trust: ClientTrust { ClientTrust(store: context.trust, serial: serial) }
    }

    /// - Parameters:
    ///   - workers: One for each event loop of the group that `start` gets.
    ///   - limit: How many connections may be open at once.
    init(workers: [NIOLoopBound<Worker>], tls: TLSListenerContext, limit: Int, logger: Logger) {
        self.workers = Dictionary(uniqueKeysWithValues: workers.map { (ObjectIdentifier($0.eventLoop), $0) })
        state = NIOLockedValueBox(State(context: tls))
        self.limit = limit
        self.logger = logger
    }

    /// What connections begin with.
    var context: TLSListenerContext { state.withLockedValue { $0.context } }

    /// Takes other certificates into use for connections that begin from now on.
    func use(_ context: TLSListenerContext) {
        state.withLockedValue { $0 = State(context: context, serial: $0.serial + 1) }
    }

    /// Lets the event loops know whom to trust, and ends the connections of clients that would not be let in any more. Blocks.
    ///
    /// The certificates are checked on the caller's thread: 10,000 of them take a second.
    func checkClients() {
        let trust = state.withLockedValue { $0.trust }
        for bound in workers.values {
            // Fails when the event loop has ended, and its connections with it.
            guard let clients = try? bound.eventLoop.submit({ bound.value.use(trust) }).wait(), let store = trust.store else {
                continue
            }
            for client in clients {
                guard let reason = store.refusal(ofKnown: client.certificate) else { continue }
                bound.eventLoop.execute { bound.value.refuse(client, reason) }
            }
        }
    }

    /// A client holds on to a session whose certificate is not accepted any more: in TLS 1.3 it does not hear of it in time to drop it, and
    /// would come with it again and again, though it may have another certificate by now. No session can be resumed from here on.
    ///
    /// Once in ten seconds at most, because it is made on an event loop.
    private func forgetSessions(of context: TLSListenerContext) {
        guard sessionsForgotten.isDue() else { return }
        do {
            let fresh = try context.withoutSessions()
            state.withLockedValue { if $0.context.context === context.context { $0.context = fresh } }
        } catch {
            logger.error("sessions of TLS cannot be forgotten: \(error)")
        }
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
        let (context, trust) = state.withLockedValue { ($0.context, $0.trust) }
        let address = Self.address(of: channel.remoteAddress)
        let verification = ClientVerification(
            trust: trust, server: context.subject, certificates: worker.certificates, logger: logger, address: address
        ) { self.forgetSessions(of: context) }
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
