import Credentials
import Envelope
import Glibc
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A running key server: the rooms, put together.
package final class Server: Sendable {
    /// What a reload replaces.
    struct Current {
        var configuration: Configuration
        var keystore: OpenKeystore
    }

    /// Where it listens, with the port that was chosen when the configured one was 0.
    package let address: ListenAddress

    let group: MultiThreadedEventLoopGroup
    let workers: Workers
    let listener: Listener
    let certificates: CertificateWatch
    let logs: Logs
    let figures: ServerFigures
    let current: NIOLockedValueBox<Current>
    let retired = RetiredKeystores()
    let pluginDirectory: String?
    let startInstant = NIODeadline.now()
    private let channel: any Channel
    /// What looks after files and the keystore, away from the event loops.
    private let upkeep: [PeriodicThread]

    /// How long requests in flight may take when the server stops.
    private static let drainLimit = TimeAmount.seconds(10)
    /// How long the event loops may take to end, which have nothing left to do.
    private static let groupLimit = Duration.seconds(5)
    /// How long a client that follows a log may then take to read the rest.
    private static let followerLimit = TimeAmount.seconds(2)

    /// Opens the keystore, creates the predefined keys, and listens. Blocks: not for event loops.
    package static func start(_ options: Options) throws -> Server {
        let configuration = options.configuration
        let figures = ServerFigures()
        let logs = try Logs(output: options.standardOutput, errors: options.standardError, figures: figures)
        logs.use(configuration.log)
        let logger = logs.logger
        do {
            // Before the keystore: a server that cannot speak TLS makes no files and no keys.
            let tls = try CertificateWatch.Loaded(configuration)
            let keystore = try OpenKeystore.open(
                configuration, pluginDirectory: options.pluginDirectory, logger: logger, figures: figures)
            let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoopCount)
            do {
                try keystore.createKeys(configuration, on: group.next(), logger: logger)
                return try Server(options, keystore: keystore, tls: tls, group: group, logs: logs, figures: figures)
            } catch {
                keystore.close()
                Self.end(group)
                throw error
            }
        } catch {
            logs.close()
            throw error
        }
    }

    private init(
        _ options: Options, keystore: OpenKeystore, tls: CertificateWatch.Loaded, group: MultiThreadedEventLoopGroup, logs: Logs,
        figures: ServerFigures
    ) throws {
        let configuration = options.configuration
        let logger = logs.logger
        workers = Workers()
        let api = API(
            configuration, keyring: keystore.keyring, logger: logger, audit: logs.audit(configuration.log), feeds: logs.feeds,
            figures: figures,
            workers: workers,
            startInstant: startInstant, now: { .now() })
        try workers.start(on: group, api: api, limits: options.limits)
        listener = Listener(workers: workers.all, tls: tls.context, limit: options.limits.connections, logger: logger)
        listener.checkClients()
        certificates = CertificateWatch(
            tls, schedule: options.certificateSchedule, listener: listener, figures: figures, logger: logger)
        let (certificates, current) = (
            self.certificates, NIOLockedValueBox(Current(configuration: configuration, keystore: keystore))
        )
        upkeep = [
            try PeriodicThread("kes-files", every: .nanoseconds(certificates.schedule.interval.nanoseconds)) {
                certificates.check()
            },
            try PeriodicThread("kes-upkeep", every: .seconds(1)) {
                logs.keepUp()
                current.withLockedValue { $0.keystore }.keepUp()
            },
        ]
        do {
            channel = try listener.start(on: configuration.address, group: group).wait()
        } catch {
            throw ServerError("cannot listen on \(configuration.address): \(Self.listenProblem(error, configuration.address))")
        }
        address = ListenAddress(
            host: channel.localAddress?.ipAddress ?? configuration.address.host,
            port: channel.localAddress?.port ?? configuration.address.port)
        self.group = group
        self.logs = logs
        self.figures = figures
        pluginDirectory = options.pluginDirectory
        self.current = current
    }

    /// Why the system does not let the server listen, and what helps.
    private static func listenProblem(_ error: any Error, _ address: ListenAddress) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "the port is in use; stop what listens there, or choose another with --addr"
        case EADDRNOTAVAIL:
            "this machine does not have the address \(address.host); write one of its own, or :\(address.port) for all of them"
        case EACCES where address.port < 1024:
            "ports below 1024 need a right that this user lacks; use 7373, or AmbientCapabilities=CAP_NET_BIND_SERVICE"
        default: "\(error)"
        }
    }

    /// The plugin in use.
    package var plugin: KeystorePlugin { current.withLockedValue { $0.keystore.plugin } }

    /// The configuration in force.
    package var configuration: Configuration { current.withLockedValue { $0.configuration } }

    /// The API's routes, sorted by path: method and path.
    package static var apiOverview: [(method: String, path: String)] {
        RouteTable(routes: routes).routes.map { ($0.method.rawValue, $0.path) }
    }

    /// Accepts no more connections, lets the requests in flight finish, tells who follows a log of them, closes the keystore, and writes out the logs. Blocks.
    package func stop() {
        try? channel.close().wait()
        for thread in upkeep { thread.stop() }
        let workers = workers.all
        wait(for: workers.map { bound in bound.eventLoop.flatSubmit { bound.value.drain() } }, atMost: Self.drainLimit)
        // Those who follow a log get what has happened until now before their answers end: each loop does what it is given in order.
        wait(for: workers.map { bound in bound.eventLoop.submit { bound.value.pipeline.audit.flush() } }, atMost: Self.drainLimit)
        for log in LogKind.allCases { logs.feeds[log].flush() }
        wait(for: workers.map { bound in bound.eventLoop.flatSubmit { bound.value.endFollowing() } }, atMost: Self.followerLimit)
        for bound in workers { bound.eventLoop.execute { bound.value.stop() } }
        self.workers.end()
        closeKeystores()
        Self.end(group)
        logs.close()
    }

    /// Closes the keystore in use, and waits for those whose close a reload has begun: all of them within one limit.
    private func closeKeystores() {
        let deadline = MonotonicTime.now + OpenKeystore.closeLimit
        current.withLockedValue { $0.keystore }.close()
        for keystore in retired.wait(until: deadline) {
            logs.logger.error(
                "keystore '\(keystore.plugin.name)': a reload has replaced it, and its close did not return within \(OpenKeystore.closeLimit)"
            )
        }
    }

    /// Ends the event loops, with the connections that are left. Blocks, but not for long: NIO hears of their end through Dispatch, which
    /// without a thread from the system tries again for ever. What is not ended then ends with the process.
    private static func end(_ group: MultiThreadedEventLoopGroup) {
        let ended = OneAnswer<Void>()
        let isStarted = DetachedThread.start("kes-stop") {
            try? group.syncShutdownGracefully()
            _ = ended.give(())
        }
        if isStarted { _ = ended.wait(until: .now + groupLimit) }
    }

    /// Waits for all of them, or until the time is up.
    private func wait(for futures: [EventLoopFuture<Void>], atMost limit: TimeAmount) {
        let timer = group.next().makePromise(of: Void.self)
        let expiry = group.next().scheduleTask(in: limit) { timer.succeed() }
        EventLoopFuture.andAllComplete(futures, on: group.next()).whenComplete { _ in
            expiry.cancel()
            timer.succeed()
        }
        try? timer.futureResult.wait()
    }
}
