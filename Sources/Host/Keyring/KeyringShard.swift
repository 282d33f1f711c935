import Envelope
import NIOConcurrencyHelpers
import NIOCore

/// One part of the keyring: the names that hash to it, behind one lock.
///
/// Beside cached keys it holds what is under way for its names, because the two must agree:
/// - A *read* is one `get` of the keystore that any number of callers wait for. Later callers join the *current* read of a name.
/// - A *change* is a `create` or `delete` that may still have an effect. A read that overlaps a change may give what was there
///   before or after. It answers those who waited already, but nobody joins it any more and its key is not cached: so no
///   caller gets an old key after a change was acknowledged.
final class KeyringShard: Sendable {
    /// Somebody who waits for a read.
    struct Waiter: Sendable {
        let id: UInt64
        let promise: EventLoopPromise<Key>
        /// On the keyring's clock.
        let deadline: MonotonicTime
        var timer: Scheduled<Void>?
    }

    private struct Read {
        let name: String
        let deadline: MonotonicTime
        /// Their numbers, those included whose time was up meanwhile.
        var waiters: [UInt64]
    }

    private struct Changes {
        var running = 0
        /// How many began since there was none.
        var begun = 0
    }

    private struct State {
        var lifetime: KeyLifetime
        var keys: [String: CachedKey] = [:]
        /// The reads under way by number, and for a name the one that callers join.
        var reads: [UInt64: Read] = [:]
        var currentReads: [String: UInt64] = [:]
        /// All who wait, by number: thousands may wait for one read, and each comes and goes in constant time.
        var waiters: [UInt64: Waiter] = [:]
        var changes: [String: Changes] = [:]
        var hits: UInt64 = 0
        var misses: UInt64 = 0

        init(lifetime: KeyLifetime) { self.lifetime = lifetime }

        /// The cached key if it may be used, marked as used.
        mutating func use(_ name: String, _ now: MonotonicTime, isOutOfReach: Bool) -> Key? {
            guard let index = keys.index(forKey: name) else { return nil }
            let cached = keys.values[index]
            guard lifetime.isUsable(cached, at: now, isOutOfReach: isOutOfReach) else { return nil }
            if now > cached.usedAt { keys.values[index].usedAt = now }
            return cached.key
        }

        /// Adds `waiter` to the read that is under way, or to a new one with the number `read`.
        mutating func wait(_ waiter: Waiter, for name: String, read: UInt64) -> Admission {
            waiters[waiter.id] = waiter
            if let current = currentReads[name] {
                reads[current]?.waiters.append(waiter.id)
                return .joined
            }
            reads[read] = Read(name: name, deadline: waiter.deadline, waiters: [waiter.id])
            currentReads[name] = read
            return .start
        }

        /// Takes those out who still wait.
        mutating func removeWaiters(_ numbers: [UInt64]) -> [Waiter] {
            numbers.compactMap { waiters.removeValue(forKey: $0) }
        }

        /// Ends a change, and returns whether there was no other beside it. Nobody joins a read that began before.
        mutating func endChange(_ name: String) -> Bool {
            currentReads[name] = nil
            guard var ending = changes[name] else { return false }
            ending.running -= 1
            changes[name] = ending.running == 0 ? nil : ending
            return ending.begun == 1
        }
    }

    // Not the standard library's `Mutex`: ThreadSanitizer does not know it, and this is code that it must be able to check.
    private let state: NIOLockedValueBox<State>

    init(lifetime: KeyLifetime) {
        state = NIOLockedValueBox(State(lifetime: lifetime))
    }

    func apply(_ lifetime: KeyLifetime) {
        state.withLockedValue { $0.lifetime = lifetime }
    }

    // MARK: Cached keys

    /// The cached key, marked as used at `now`. This is the way of most requests: one lock, one look-up, no allocation.
    func cached(_ name: String, now: MonotonicTime, isOutOfReach: Bool) -> Key? {
        state.withLockedValue { state in
            let key = state.use(name, now, isOutOfReach: isOutOfReach)
            if key == nil { state.misses &+= 1 } else { state.hits &+= 1 }
            return key
        }
    }

    /// Drops the keys that may not be used any more, online or offline, and returns how many there were.
    func removeExpired(now: MonotonicTime) -> Int {
        // The keys are wiped when the array goes, after the lock was given back.
        let expired = state.withLockedValue { state in
            var names: [String] = []
            var index = state.keys.startIndex
            while index != state.keys.endIndex {
                if state.keys.values[index].isExpired(state.lifetime, at: now) { names.append(state.keys[index].key) }
                state.keys.formIndex(after: &index)
            }
            return names.compactMap { state.keys.removeValue(forKey: $0)?.key }
        }
        return expired.count
    }

    var statistics: KeyringStatistics {
        state.withLockedValue { KeyringStatistics(keys: $0.keys.count, hits: $0.hits, misses: $0.misses) }
    }

    // MARK: Reads

    enum Admission {
        case cached(Key)
        /// The caller is the first, and must read the key from the keystore and call `finishRead`.
        case start
        case joined
    }

    /// Gives the cached key, or adds `waiter` to the read that is under way, or to a new one with the number `read`.
    func admit(_ waiter: Waiter, to name: String, read: UInt64, now: MonotonicTime, isOutOfReach: Bool) -> Admission {
        state.withLockedValue { state in
            if let key = state.use(name, now, isOutOfReach: isOutOfReach) { return .cached(key) }
            return state.wait(waiter, for: name, read: read)
        }
    }

    /// For how long the keystore is not asked again whether a cached key is still the one that it holds.
    private static let checkInterval = Duration.seconds(1)

    /// The same for one for whom `failed`, the cached key, was the wrong one. Gives it again when the keystore was just asked for it.
    func admit(_ waiter: Waiter, to name: String, insteadOf failed: Key, read: UInt64, now: MonotonicTime) -> Admission {
        state.withLockedValue { state in
            if let index = state.keys.index(forKey: name) {
                let cached = state.keys.values[index]
                if cached.key !== failed { return .cached(cached.key) }
                if state.currentReads[name] == nil {
                    guard now >= cached.checkedAt + Self.checkInterval else { return .cached(failed) }
                    state.keys.values[index].checkedAt = now
                }
            }
            return state.wait(waiter, for: name, read: read)
        }
    }

    /// Notes the timer that ends a wait. Returns false when the wait is over already.
    func setTimer(_ timer: Scheduled<Void>, of waiter: UInt64) -> Bool {
        state.withLockedValue { state in
            guard let index = state.waiters.index(forKey: waiter) else { return false }
            state.waiters.values[index].timer = timer
            return true
        }
    }

    /// Takes a waiter whose time is up from its read; nil when it has its answer already.
    func removeWaiter(_ waiter: UInt64) -> Waiter? {
        state.withLockedValue { $0.waiters.removeValue(forKey: waiter) }
    }

    /// Who gets the result of a read, and who still has time for another one.
    struct Ending {
        var answered: [Waiter] = []
        /// The latest deadline of those that wait for the next read, whose number is the one that was offered.
        var nextDeadline: MonotonicTime?
        /// A key that may be used although the keystore could not be asked.
        var offlineKey: Key?
    }

    /// Ends a read that gave `key`, which becomes the cached one if it is sure to be the current one.
    func finishRead(_ number: UInt64, key: Key, now: MonotonicTime) -> Ending {
        state.withLockedValue { state in
            guard let read = state.reads.removeValue(forKey: number) else { return Ending() }
            if state.currentReads[read.name] == number {
                state.currentReads[read.name] = nil
                if state.changes[read.name] == nil {
                    state.keys[read.name] = CachedKey(key, at: now)
                }
            }
            return Ending(answered: state.removeWaiters(read.waiters))
        }
    }

    /// Ends a read that failed. `next` is the number of the read that those who have time left go on to wait for.
    func failRead(_ number: UInt64, _ kind: KeystoreFailure.Kind, next: UInt64, now: MonotonicTime) -> Ending {
        state.withLockedValue { state in
            guard let read = state.reads.removeValue(forKey: number) else { return Ending() }
            let isCurrent = state.currentReads[read.name] == number
            if isCurrent { state.currentReads[read.name] = nil }
            var ending = Ending()
            var answered = read.waiters
            switch kind {
            case .notFound:
                // Somebody else deleted the key: not even offline mode may use it any more.
                if isCurrent { state.keys[read.name] = nil }
            case .unreachable, .timeout:
                ending.offlineKey = state.use(read.name, now, isOutOfReach: true)
                // The read had the time limit of the one who came first; those who joined it later may have more. (A plugin
                // that says TIMEOUT before the deadline gets no second call: it would be called in a loop.)
                let lastChance = now + MonotonicTime.pluginMargin
                guard kind == .timeout, ending.offlineKey == nil, lastChance >= read.deadline else { break }
                // Each read has more time than the one before, so they come to an end.
                let patient = read.waiters.compactMap { state.waiters[$0] }.filter { $0.deadline > max(now, read.deadline) }
                guard let latest = patient.map(\.deadline).max() else { break }
                let going = Set(patient.map(\.id))
                answered.removeAll { going.contains($0) }
                ending.nextDeadline = latest
                state.reads[next] = Read(name: read.name, deadline: latest, waiters: patient.map(\.id))
                if isCurrent { state.currentReads[read.name] = next }
            case .exists, .invalid, .denied, .corrupt, .internal, .busy: break
            }
            ending.answered = state.removeWaiters(answered)
            return ending
        }
    }

    // MARK: Changes

    /// Notes that a create or delete of `name` begins.
    func beginChange(_ name: String) {
        state.withLockedValue { state in
            state.changes[name, default: Changes()].running += 1
            state.changes[name, default: Changes()].begun += 1
            state.currentReads[name] = nil
        }
    }

    /// What a create came to.
    enum Creation {
        case stored(Key)
        /// The keystore has a key of that name.
        case exists
        case failed
    }

    /// Notes that a create can have no effect any more, before the one who asked for it hears of it.
    func endCreate(_ name: String, _ outcome: Creation, now: MonotonicTime) {
        let forgotten = state.withLockedValue { state in
            let wasAlone = state.endChange(name)
            switch outcome {
            // With another change beside it, nobody knows which of the two was last.
            case .stored(let key) where wasAlone:
                return state.keys.updateValue(CachedKey(key, at: now), forKey: name)?.key
            // The key that there is need not be the cached one: another server may have deleted that and made this. The keystore has
            // just answered, so that who needs the key can read it.
            case .stored, .exists: return state.keys.removeValue(forKey: name)?.key
            case .failed: return nil
            }
        }
        // The key is wiped here, after the lock was given back.
        _ = forgotten
    }

    /// Notes that a delete can have no effect any more. Whatever its result: after a failure nobody knows whether the key is there.
    func endDelete(_ name: String) {
        let forgotten = state.withLockedValue { state in
            _ = state.endChange(name)
            return state.keys.removeValue(forKey: name)?.key
        }
        // The key is wiped here, after the lock was given back.
        _ = forgotten
    }

    /// Notes that the keystore may hold another key than the cached one. That is not dropped: the keystore may be out of reach, when it is all
    /// that there is.
    func doubt(_ name: String) {
        state.withLockedValue { $0.keys[name]?.isDoubtful = true }
    }

    /// Drops a key that may have been deleted.
    func forget(_ name: String) {
        let forgotten = state.withLockedValue { $0.keys.removeValue(forKey: name)?.key }
        _ = forgotten
    }
}

/// Figures of the cache since the server started.
package struct KeyringStatistics: Equatable, Sendable {
    /// How many keys are in memory now.
    package var keys: Int
    /// How often `cached` had the key, and how often not.
    package var hits: UInt64
    package var misses: UInt64

    package init(keys: Int, hits: UInt64, misses: UInt64) {
        self.keys = keys
        self.hits = hits
        self.misses = misses
    }
}
