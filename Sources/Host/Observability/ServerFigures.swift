import NIOConcurrencyHelpers
import Synchronization

/// What is counted away from the event loops' requests: calls of the keystore, lines of the error log. Outlives reloads.
final class ServerFigures: Sendable {
    /// The calls of one operation of the keystore.
    struct Calls: Sendable {
        var latency = Histogram()
        var failures: [String: Int] = [:]
    }

    private struct State {
        var calls: [KeystoreOperation: Calls] = [:]
        /// What the caches counted that a reload has replaced.
        var retired = KeyringStatistics(keys: 0, hits: 0, misses: 0)
        var lostEvents: [LogKind: Int] = [:]
        var certificateExpiry: Int64 = 0
        var reloads = 0
        var failedReloads = 0
    }

    private let state = NIOLockedValueBox(State())
    private let errors = Atomic(0)

    /// Notes a call of the keystore. That a key exists, or does not, is an answer and no failure.
    func keystoreCalled(_ operation: KeystoreOperation, _ duration: Duration, _ failure: KeystoreFailure.Kind?) {
        state.withLockedValue { state in
            state.calls[operation, default: Calls()].latency.record(nanoseconds: Int64(clamping: duration.wholeNanoseconds))
            guard let failure, failure != .exists, failure != .notFound else { return }
            state.calls[operation, default: Calls()].failures["\(failure)", default: 0] += 1
        }
    }

    var calls: [KeystoreOperation: Calls] { state.withLockedValue { $0.calls } }

    /// Notes that a line of the level ERROR was logged.
    func errorLogged() { errors.add(1, ordering: .relaxed) }

    var loggedErrors: Int { errors.load(ordering: .relaxed) }

    /// Notes that events of a log were not written.
    func eventsLost(_ count: Int, of log: LogKind) { state.withLockedValue { $0.lostEvents[log, default: 0] += count } }

    var lostEvents: [LogKind: Int] { state.withLockedValue { $0.lostEvents } }

    /// Notes the end of a cache, so that what it counted stays counted.
    func cacheRetired(_ statistics: KeyringStatistics) {
        state.withLockedValue { state in
            state.retired.hits += statistics.hits
            state.retired.misses += statistics.misses
        }
    }

    var retiredCaches: KeyringStatistics { state.withLockedValue { $0.retired } }

    /// Notes until when the server's certificate is valid, in seconds since the epoch.
    func certificateExpires(at seconds: Int64) { state.withLockedValue { $0.certificateExpiry = seconds } }

    var certificateExpiry: Int64 { state.withLockedValue { $0.certificateExpiry } }

    func reloaded(successfully: Bool) {
        state.withLockedValue { state in
            if successfully { state.reloads += 1 } else { state.failedReloads += 1 }
        }
    }

    var reloads: (succeeded: Int, failed: Int) { state.withLockedValue { ($0.reloads, $0.failedReloads) } }
}
