import Credentials
import Envelope
import Logging
import NIOCore
import Synchronization

/// All that handlers need to answer, as one immutable snapshot.
///
/// A reload makes a new one, and so does a request that changes policies. A request is answered by the one that is in force when it is
/// there, whole.
package final class API: Sendable {
    let configuration: Configuration
    let accessControl: AccessControl
    let routes: RouteTable
    let keyring: Keyring
    let logger: Logger
    let audit: AuditTrail
    let feeds: LogFeeds
    let figures: ServerFigures
    /// Where snapshots are in force.
    let workers: Workers
    /// When the server came up, on the monotonic clock: for the uptime.
    let startInstant: NIODeadline
    /// What reads the wall clock. A parameter, because tests set it.
    let now: @Sendable () -> Timestamp
    /// Which reading of the configuration the snapshot comes from.
    let generation: Int
    /// Another one for each snapshot: what was decided under one holds while the same is in force.
    let serial: Int

    private static let generations = Atomic(0)
    private static let serials = Atomic(0)

    init(
        _ configuration: Configuration, keyring: Keyring, logger: Logger, audit: AuditTrail, feeds: LogFeeds,
        figures: ServerFigures,
        workers: Workers,
        startInstant: NIODeadline, now: @escaping @Sendable () -> Timestamp
    ) {
        self.configuration = configuration
        accessControl = AccessControl(configuration, startedAt: now())
        routes = RouteTable(configuration)
        self.keyring = keyring
        self.logger = logger
        self.audit = audit
        self.feeds = feeds
        self.figures = figures
        self.workers = workers
        self.startInstant = startInstant
        self.now = now
        generation = Self.generations.add(1, ordering: .relaxed).newValue
        serial = Self.serials.add(1, ordering: .relaxed).newValue
    }

    /// The same with other rules, which a request has made.
    init(_ other: API, accessControl: AccessControl) {
        configuration = other.configuration
        self.accessControl = accessControl
        routes = other.routes
        keyring = other.keyring
        logger = other.logger
        audit = other.audit
        feeds = other.feeds
        figures = other.figures
        workers = other.workers
        startInstant = other.startInstant
        now = other.now
        generation = other.generation
        serial = Self.serials.add(1, ordering: .relaxed).newValue
    }

    /// Whether a proxy may say who its clients are. Nobody's word is needed where there is none.
    func believes(_ proxy: Identity?) -> Bool { proxy.map(configuration.tls.proxies.contains) ?? true }

    /// Whether a client, if it has an identity, may call the path, which is decoded.
    func allows(_ identity: Identity?, path: String) -> Bool {
        guard let (route, _) = routes.find(path) else { return false }
        switch (route.access, identity) {
        case (.anyone, _), (.anyIdentity, .some): return true
        case (.anyIdentity, nil), (.policy, nil): return false
        case (.policy, let identity?):
            switch accessControl.decide(identity, path: path) {
            case .admin, .allowed: return true
            case .denied: return false
            }
        }
    }
}
