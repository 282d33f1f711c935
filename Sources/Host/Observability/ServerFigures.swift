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
        /// Those of the keystores that are open: more than one while a reload replaces it.
        var keyrings: [Keyring] = []
        /// What those have counted that are closed.
        var closedKeyrings = KeyringStatistics(keys: 0, hits: 0, misses: 0)
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

    /// Counts what a keyring counts, until it is closed and beyond.
    func opened(_ keyring: Keyring) { state.withLockedValue { $0.keyrings.append(keyring) } }

    /// Keeps what a keyring has counted, and lets go of it.
    func closed(_ keyring: Keyring) {
        state.withLockedValue { state in
            guard let place = state.keyrings.firstIndex(where: { $0 === keyring }) else { return }
            state.closedKeyrings.addCounts(of: state.keyrings.remove(at: place))
        }
    }

    /// What all keyrings have counted since the server started. Never less than before, whatever is opened and closed meanwhile.
    var cacheUses: (hits: UInt64, misses: UInt64) {
        state.withLockedValue { state in
            var sum = state.closedKeyrings
            for keyring in state.keyrings { sum.addCounts(of: keyring) }
            return (sum.hits, sum.misses)
        }
    }

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

extension KeyringStatistics {
    fileprivate mutating func addCounts(of keyring: Keyring) {
        let other = keyring.statistics
        hits += other.hits
        misses += other.misses
    }
}
