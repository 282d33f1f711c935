import Credentials
import Envelope
import Logging
import NIOCore

/// All that handlers need to answer, as one immutable snapshot.
///
/// A reload makes a new one. A request keeps the one that it began with.
package final class API: Sendable {
    let configuration: Configuration
    let accessControl: AccessControl
    let routes: RouteTable
    let keyring: Keyring
    let logger: Logger
    let audit: AuditTrail
    /// When the server came up, on the monotonic clock: for the uptime.
    let startInstant: NIODeadline
    /// What reads the wall clock. A parameter, because tests set it.
    let now: @Sendable () -> Timestamp

    init(
        _ configuration: Configuration, keyring: Keyring, logger: Logger, audit: AuditTrail, startInstant: NIODeadline,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.configuration = configuration
        accessControl = AccessControl(configuration, startedAt: now())
        routes = RouteTable(routes: Host.routes, overrides: configuration.routes)
        self.keyring = keyring
        self.logger = logger
        self.audit = audit
        self.startInstant = startInstant
        self.now = now
    }
}
