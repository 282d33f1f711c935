import Envelope
import Logging
import NIOCore
import SecureBytes
import Synchronization

import struct NIOConcurrencyHelpers.NIOLockedValueBox

/// The keys that requests use: a cache over the keystore.
///
/// A cached key is given synchronously. What is not cached is read from the keystore, once for all who ask for it at the same time.
/// What goes wrong is logged here, once for each call of the keystore, with the key's name and the plugin's message.
package final class Keyring: Sendable {
    /// Hears of each call of the keystore: what it was, how long it took, and how it failed if it did.
    package typealias CallObserver = @Sendable (KeystoreOperation, Duration, KeystoreFailure.Kind?) -> Void

    private let keystore: KeystoreBridge
    private let logger: Logger
    private let clock: @Sendable () -> MonotonicTime
    private let observer: CallObserver?
    private let hasOfflineMode: Atomic<Bool>
    private let shards: [KeyringShard]
    /// Whether the last that was heard of the keystore is that it did not answer.
    private let isOutOfReach = Atomic(false)
    /// Those who wait to hear how the keystore is; nil while it is not asked.
    private let statusWaiters = NIOLockedValueBox<[EventLoopPromise<Duration>]?>(nil)
    private let busyTold = LogInterval()
    /// For what the keystore holds that is no key of this server's.
    let strangerTold = LogInterval()
    /// Numbers reads and waiters.
    private let numbers = Atomic<UInt64>(0)

    /// A power of two, much above the number of event loops, so that two of them rarely want the same lock.
    private static let shardCount = 64

    /// - Parameters:
    ///   - clock: when keys expire; the time since the machine was started, unless a test moves it.
    ///   - observer: for metrics. Called on any thread; must not block.
    package init(
        keystore: KeystoreBridge, expiry: CacheExpiry, logger: Logger,
        clock: @escaping @Sendable () -> MonotonicTime = { .sinceBoot }, observer: CallObserver? = nil
    ) {
        self.keystore = keystore
        self.logger = logger
        self.clock = clock
        self.observer = observer
        let lifetime = KeyLifetime(expiry)
        hasOfflineMode = Atomic(lifetime.hasOfflineMode)
        shards = (0..<Self.shardCount).map { _ in KeyringShard(lifetime: lifetime) }
    }

    /// What keeps the keys.
    package var plugin: KeystorePlugin { keystore.plugin }

    private func shard(of name: String) -> KeyringShard {
        // FNV-1a. Not the standard library's hash: this one only spreads names over locks, and costs a few nanoseconds.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return shards[Int(truncatingIfNeeded: hash ^ hash >> 32) & (Self.shardCount - 1)]
    }

    // MARK: Cached keys

    /// The key if it is in the cache and has not expired. Never blocks, never allocates; the key counts as used.
    package func cached(_ name: String) -> Key? {
        shard(of: name).cached(name, now: clock(), isOutOfReach: isOutOfReach.load(ordering: .relaxed))
    }

    /// Drops the keys that have expired, so that they leave the memory although nobody asks for them. To be called every few
    /// seconds; takes time in proportion to the number of keys.
    ///
    /// - Returns: how many it dropped.
    @discardableResult
    package func removeExpired(now: MonotonicTime? = nil) -> Int {
        let now = now ?? clock()
        return shards.reduce(0) { $0 + $1.removeExpired(now: now) }
    }

    /// Replaces the limits, also for the keys that are in the cache: a new configuration needs no new keyring.
    package func apply(_ expiry: CacheExpiry) {
        let lifetime = KeyLifetime(expiry)
        hasOfflineMode.store(lifetime.hasOfflineMode, ordering: .relaxed)
        for shard in shards { shard.apply(lifetime) }
    }

    package var statistics: KeyringStatistics {
        shards.reduce(into: KeyringStatistics(keys: 0, hits: 0, misses: 0)) { sum, shard in
            let part = shard.statistics
            sum.keys += part.keys
            sum.hits += part.hits
            sum.misses += part.misses
        }
    }

    // MARK: Reading

    /// The key from the cache or the keystore. Fails with a `KeyringError`.
    ///
    /// - Parameter timeout: after which the future fails with `.unreachable`, whoever else waits for the same key.
    package func key(_ name: String, timeout: Duration, on eventLoop: any EventLoop) -> EventLoopFuture<Key> {
        let isOutOfReach = isOutOfReach.load(ordering: .relaxed)
        return wait(for: name, timeout, eventLoop) { shard, waiter, read, now in
            shard.admit(waiter, to: name, read: read, now: now, isOutOfReach: isOutOfReach)
        }
    }

    /// The key that the keystore holds, for one for whom `failed`, the cached key of that name, was the wrong one: another server may have
    /// deleted it and made a new one. Fails with a `KeyringError`.
    ///
    /// Gives `failed` again when the keystore cannot be asked, or was just asked: whoever may send ciphertexts may send junk, which makes
    /// the server read each key once a second and no more.
    package func key(
        _ name: String, insteadOf failed: Key, timeout: Duration, on eventLoop: any EventLoop
    ) -> EventLoopFuture<Key> {
        guard !isOutOfReach.load(ordering: .relaxed) else { return eventLoop.makeSucceededFuture(failed) }
        return wait(for: name, timeout, eventLoop) { shard, waiter, read, now in
            shard.admit(waiter, to: name, insteadOf: failed, read: read, now: now)
        }
    }

    private func wait(
        for name: String, _ timeout: Duration, _ eventLoop: any EventLoop,
        _ admit: (KeyringShard, KeyringShard.Waiter, _ read: UInt64, _ now: MonotonicTime) -> KeyringShard.Admission
    ) -> EventLoopFuture<Key> {
        let now = clock()
        let shard = shard(of: name)
        let waiter = KeyringShard.Waiter(
            id: nextNumber(), promise: eventLoop.makePromise(of: Key.self), deadline: now + timeout)
        let read = nextNumber()
        switch admit(shard, waiter, read, now) {
        case .cached(let key): waiter.promise.succeed(key)
        case .start: self.read(name, number: read, shard: shard, timeout: timeout)
        case .joined: startTimer(of: waiter, for: name, shard: shard, timeout: timeout)
        }
        return waiter.promise.futureResult
    }

    /// The one who starts a read is answered by the bridge in time; one who joins it needs a timer of its own.
    private func startTimer(of waiter: KeyringShard.Waiter, for name: String, shard: KeyringShard, timeout: Duration) {
        let nanoseconds = Int64(clamping: timeout.wholeNanoseconds)
        let timer = waiter.promise.futureResult.eventLoop.scheduleTask(in: .nanoseconds(nanoseconds)) { [logger] in
            guard let late = shard.removeWaiter(waiter.id) else { return }
            logger.error("failed to read key '\(name)': another request's read of it did not end within the time limit")
            late.promise.fail(KeyringError.unreachable)
        }
        if !shard.setTimer(timer, of: waiter.id) { timer.cancel() }
    }

    private func read(_ name: String, number: UInt64, shard: KeyringShard, timeout: Duration) {
        let start = clock()
        keystore.get(name, timeout: timeout) { [self] result in
            let result = result.flatMap { Self.decode($0) }
            heard(.read, name, start, result)
            let now = clock()
            let ending: KeyringShard.Ending
            let answer: Result<Key, any Error>
            switch result {
            case .success(let key):
                ending = shard.finishRead(number, key: key, now: now)
                answer = .success(key)
            case .failure(let failure):
                let next = nextNumber()
                ending = shard.failRead(number, failure.kind, next: next, now: now)
                answer = ending.offlineKey.map { .success($0) } ?? .failure(KeyringError(.read, failure))
                if let deadline = ending.nextDeadline { read(name, number: next, shard: shard, timeout: deadline - now) }
            }
            for waiter in ending.answered {
                waiter.timer?.cancel()
                waiter.promise.completeWith(answer)
            }
        }
    }

    private static func decode(_ entry: SecretBytes) -> Result<Key, KeystoreFailure> {
        do throws(EnvelopeError) {
            return .success(try entry.withUnsafeBytes { bytes throws(EnvelopeError) in try StoredEntry.decode(bytes) })
        } catch {
            return .failure(KeystoreFailure(.corrupt, "\(error)"))
        }
    }

    // MARK: Changing

    /// Stores a new key. Fails with a `KeyringError`; `.keyExists` when the name is taken.
    package func create(_ name: String, key: Key, timeout: Duration, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let shard = shard(of: name)
        let start = clock()
        shard.beginChange(name)
        keystore.create(
            name, value: StoredEntry.encode(key), timeout: timeout,
            settled: { [clock] result in
                let outcome: KeyringShard.Creation =
                    switch result {
                    case .success: .stored(key)
                    case .failure(let failure): failure.kind == .exists ? .exists : .failed
                    }
                shard.endCreate(name, outcome, now: clock())
            },
            completion: { [self] result in
                // It may be stored all the same, in the place of the cached key if another server has deleted that.
                if case .failure(let failure) = result, failure.isWithoutAnswer { shard.doubt(name) }
                finish(promise, .create, name, start, result)
            })
        return promise.futureResult
    }

    /// Removes a key. Fails with a `KeyringError`; `.keyNotFound` when there is none.
    package func delete(_ name: String, timeout: Duration, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let shard = shard(of: name)
        let start = clock()
        shard.beginChange(name)
        keystore.delete(
            name, timeout: timeout, settled: { _ in shard.endDelete(name) },
            completion: { [self] result in
                // Not only when it is settled: from the moment that the client hears that it may have been deleted, it is not used.
                shard.forget(name)
                finish(promise, .delete, name, start, result)
            })
        return promise.futureResult
    }

    // MARK: Asking the keystore

    /// The first `limit` names, in bytewise order, that begin with `prefix` and are greater than `after`.
    package func list(
        prefix: String, after: String = "", limit: Int, timeout: Duration, on eventLoop: any EventLoop
    ) -> EventLoopFuture<[String]> {
        let promise = eventLoop.makePromise(of: [String].self)
        let start = clock()
        keystore.list(prefix: prefix, after: after, limit: limit, timeout: timeout) { [self] in
            finish(promise, .list, prefix, start, $0)
        }
        return promise.futureResult
    }

    /// Whether the keystore can be used, and how long it took to say so.
    ///
    /// All who ask at the same time share one call and its time limit: health checks, however many, do not keep the keystore from its work.
    package func status(timeout: Duration, on eventLoop: any EventLoop) -> EventLoopFuture<Duration> {
        let promise = eventLoop.makePromise(of: Duration.self)
        checkStatus(timeout: timeout, for: promise)
        return promise.futureResult
    }

    /// Asks the keystore for its state, so that offline mode begins before a request has waited in vain, and ends although no
    /// request needs the keystore. To be called every few seconds; does nothing without offline mode or while it still asks.
    package func probe(timeout: Duration = .seconds(5)) {
        guard hasOfflineMode.load(ordering: .relaxed) else { return }
        checkStatus(timeout: timeout, for: nil)
    }

    private func checkStatus(timeout: Duration, for promise: EventLoopPromise<Duration>?) {
        let isFirst = statusWaiters.withLockedValue { waiters in
            let isFirst = waiters == nil
            if isFirst { waiters = [] }
            if let promise { waiters?.append(promise) }
            return isFirst
        }
        guard isFirst else { return }
        let start = clock()
        keystore.status(timeout: timeout) { [self] result in
            let waiters = statusWaiters.withLockedValue { waiters in
                defer { waiters = nil }
                return waiters ?? []
            }
            heard(.status, "", start, result)
            for waiter in waiters { waiter.completeWith(result.mapError { KeyringError(.status, $0) }) }
        }
    }

    private func finish<Value: Sendable>(
        _ promise: EventLoopPromise<Value>, _ operation: KeystoreOperation, _ subject: String, _ start: MonotonicTime,
        _ result: Result<Value, KeystoreFailure>
    ) {
        heard(operation, subject, start, result)
        promise.completeWith(result.mapError { KeyringError(operation, $0) })
    }

    /// Draws the conclusions from a call's result that are the same for all: the log, the metrics and the offline mode.
    private func heard<Value>(
        _ operation: KeystoreOperation, _ subject: String, _ start: MonotonicTime, _ result: Result<Value, KeystoreFailure>
    ) {
        var failure: KeystoreFailure?
        if case .failure(let found) = result { failure = found }
        observer?(operation, clock() - start, failure?.kind)
        if let failure, failure.kind == .busy {
            if busyTold.isDue(clock()) { logger.error("requests are refused: \(failure.message)") }
            return
        }
        let isGone = failure?.isWithoutAnswer ?? false
        let wasGone = isOutOfReach.exchange(isGone, ordering: .relaxed)
        if let failure, failure.kind != .exists, failure.kind != .notFound {
            logger.error("failed to \(operation)\(subject.isEmpty ? "" : " '\(subject)'"): \(failure)")
        }
        guard hasOfflineMode.load(ordering: .relaxed), isGone != wasGone else { return }
        if isGone {
            logger.warning("the keystore is out of reach: cached keys stay usable for a longer time (cache.expiry.offline)")
        } else {
            logger.notice("the keystore is in reach again")
        }
    }

    private func nextNumber() -> UInt64 { numbers.wrappingAdd(1, ordering: .relaxed).newValue }
}
