import Logging
import NIOCore

/// What belongs to one event loop: its connections, its way of requests, its clock.
///
/// Confined to the loop. Other threads reach it by `execute`.
final class Worker {
    let eventLoop: any EventLoop
    let pipeline: RequestPipeline
    let limits: TransportLimits
    var certificates: CertificateMemory { pipeline.certificates }
    let pieces = PieceMemory()
    /// The time as HTTP writes it, once a second.
    private(set) var date: String
    /// Who follows which log on this loop.
    private let followers: [LogKind: LogFollowers]
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var ticker: RepeatedTask?
    /// Completed when nothing is left but logs that are followed.
    private var whenDrained: EventLoopPromise<Void>?
    private var isDrainCheckScheduled = false
    /// Completed when those who followed one have gone, too, and the connections of those who have not.
    private var whenUnfollowed: EventLoopPromise<Void>?
    private var lastFollowers: Set<ObjectIdentifier> = []

    init(eventLoop: any EventLoop, pipeline: RequestPipeline, limits: TransportLimits) {
        self.eventLoop = eventLoop
        self.pipeline = pipeline
        self.limits = limits
        followers = Dictionary(
            uniqueKeysWithValues: LogKind.allCases.map { log in
                (log, LogFollowers(feed: pipeline.api.feeds[log], eventLoop: eventLoop))
            })
        date = HTTPDate.format(pipeline.api.now())
    }

    /// What the loop has counted, and how things stand on it.
    var figures: LoopFigures {
        var figures = pipeline.figures
        for connection in connections.values {
            guard let driver = connection.driver else { continue }
            figures.activeRequests += driver.activeRequests
            figures.connections[driver.spoken, default: 0] += 1
        }
        for (log, followers) in followers {
            figures.followers[log] = followers.count
            figures.missedEvents[log] = followers.missed
        }
        return figures
    }

    /// Starts the clock.
    func start() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in bound.value.tick() }
    }

    func add(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = connection
        if whenDrained != nil { connection.driver?.drain() }
    }

    func remove(_ connection: Connection) {
        connections[ObjectIdentifier(connection)] = nil
        connection.ended()
        if whenDrained != nil { scheduleDrainCheck() }
        if lastFollowers.remove(ObjectIdentifier(connection)) != nil, lastFollowers.isEmpty { whenUnfollowed?.succeed() }
    }

    /// Lets requests in flight finish and closes the connections on which no log is followed. The future is completed when none is left.
    func drain() -> EventLoopFuture<Void> {
        if let whenDrained { return whenDrained.futureResult }
        let promise = eventLoop.makePromise(of: Void.self)
        whenDrained = promise
        for connection in Array(connections.values) { connection.driver?.drain() }
        scheduleDrainCheck()
        return promise.futureResult
    }

    /// A connection or a request is over, perhaps the last one. Looked at later, when nobody is in the middle of something, and once for many.
    func scheduleDrainCheck() {
        guard !isDrainCheckScheduled else { return }
        isDrainCheckScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isDrainCheckScheduled = false
            if self.connections.values.allSatisfy({ $0.driver?.isOnlyFollowing ?? true }) { self.whenDrained?.succeed() }
        }
    }

    /// Ends the logs that are followed, after what there is to say. The future is completed when those who followed them have it and have gone.
    ///
    /// Called once.
    func endFollowing() -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        whenUnfollowed = promise
        let following = connections.filter { $0.value.driver?.isFollowing ?? false }
        lastFollowers = Set(following.keys)
        for connection in following.values { connection.driver?.endFollowing() }
        if lastFollowers.isEmpty { promise.succeed() }
        return promise.futureResult
    }

    /// Ends the clock. Called once, after the connections are gone or given up.
    func stop() {
        pipeline.audit.flush()
        ticker?.cancel()
        ticker = nil
    }

    /// Brings another snapshot into force. Whoever follows a log and may not any more by its rules, follows it no further.
    func use(_ api: API) {
        pipeline.api = api
        for followers in followers.values {
            followers.recheck { api.believes($0.proxy) && api.allows($0.identity, path: $0.path) }
        }
    }

    /// Takes `trust` for that of all clients from now on.
    ///
    /// - Returns: The connections of those who were let in before, with their certificates.
    func use(_ trust: ClientTrust) -> [KnownClient] {
        guard trust.serial >= pipeline.trust.serial else { return [] }
        pipeline.trust = trust
        guard let store = trust.store else { return [] }
        for followers in followers.values {
            followers.recheck { $0.forwarded.map { store.refusal(ofForwarded: $0) == nil } ?? true }
        }
        return connections.compactMap { key, connection in
            connection.certificate.map { KnownClient(connection: key, certificate: $0) }
        }
    }

    /// A client that was let in.
    struct KnownClient: Sendable {
        fileprivate let connection: ObjectIdentifier
        /// In DER.
        let certificate: [UInt8]
    }

    /// Lets the requests in flight of a client finish that would not be let in any more, and closes its connection.
    func refuse(_ client: KnownClient, _ reason: String) {
        // In the meantime the connection may be over, and another in its place in memory.
        guard let connection = connections[client.connection], let driver = connection.driver,
            connection.certificate == client.certificate
        else { return }
        pipeline.api.logger.info("client certificate refused: \(reason)", metadata: ["ip": "\(connection.address)"])
        driver.drain()
        driver.endFollowing()
    }

    /// Starts to send a log to the client of an exchange.
    func follow(_ log: LogKind, _ exchange: Exchange, isGzip: Bool, _ sink: any LogSink) -> LogSubscription {
        // There is one for each log.
        let followers = followers[log] ?? LogFollowers(feed: pipeline.api.feeds[log], eventLoop: eventLoop)
        return LogSubscription(
            identity: exchange.identity, proxy: exchange.proxy, forwarded: exchange.forwarded, path: exchange.path,
            deadline: exchange.deadline, isGzip: isGzip,
            followers: followers, sink: sink)
    }

    /// A client that follows a log did not read it and was cut off. Told once for a connection, on which it may follow again, and on many streams.
    func cutOff(_ connection: Connection) {
        guard !connection.wasCutOff else { return }
        connection.wasCutOff = true
        pipeline.api.logger.warning(
            "a client that follows a log was cut off: it does not read it", metadata: ["ip": "\(connection.address)"])
    }

    /// The name of the header in which a proxy forwards a certificate, if the connection is such a proxy's.
    func forwardedCertificateHeader(on connection: Connection) -> String? {
        let tls = pipeline.api.configuration.tls
        return ForwardedClient.isProxy(connection, tls.proxies) ? tls.forwardedCertificateHeader.lowercased() : nil
    }

    /// The answer that a handler came to. Handlers turn what can go wrong into answers; what is left is a defect.
    func response(of result: Result<Response, any Error>) -> Response {
        switch result {
        case .success(let response):
            return response
        case .failure(let error):
            pipeline.api.logger.error("a request failed unexpectedly: \(error)")
            return .error(500, "internal server error")
        }
    }

    /// A client did not get in, and somebody can do something about it.
    func handshakeFailed(_ explanation: String, address: String) {
        pipeline.api.logger.info("TLS handshake failed: \(explanation)", metadata: ["ip": "\(address)"])
    }

    /// A connection ended with an error: a client's fault or a broken network, so it is told at the debug level only.
    func connectionFailed(_ error: any Error, address: String) {
        pipeline.api.logger.debug("connection failed: \(error)", metadata: ["ip": "\(address)"])
    }

    private func tick() {
        date = HTTPDate.format(pipeline.api.now())
        let now = NIODeadline.now()
        for connection in Array(connections.values) { connection.driver?.checkDeadlines(now: now) }
    }
}
