import Glibc
import PluginKit

/// A lock around a value whose waiters give up at their deadline. (PluginKit's `Lock` waits for as long as it takes.)
final class TimedLock<Value: Sendable>: @unchecked Sendable {
    // `@unchecked Sendable` holds because `protected` and `isTaken` are used by the holder of the lock only: `isTaken` with
    // `mutex` held, `protected` by the one caller that found `isTaken` false and set it.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let released = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isTaken = false
    private let protected: Value

    init(_ value: Value) {
        protected = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(released, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(released)
        pthread_mutex_destroy(mutex)
        released.deallocate()
        mutex.deallocate()
    }

    /// The value, for a caller that knows that nobody else can have the lock.
    var value: Value { protected }

    /// Runs `body` when nobody else does.
    ///
    /// - Throws: `KeystoreError.timeout` when that is not before the deadline, or what `body` throws.
    func withLock<Result>(
        until deadline: Deadline, _ body: (Value) throws(KeystoreError) -> Result
    ) throws(KeystoreError) -> Result {
        try take(until: deadline)
        defer {
            pthread_mutex_lock(mutex)
            isTaken = false
            pthread_cond_signal(released)
            pthread_mutex_unlock(mutex)
        }
        return try body(protected)
    }

    private func take(until deadline: Deadline) throws(KeystoreError) {
        var time = timespec(
            tv_sec: Int(deadline.nanoseconds / 1_000_000_000), tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while isTaken {
            guard pthread_cond_timedwait(released, mutex, &time) != ETIMEDOUT || !isTaken else { throw .timeout }
        }
        isTaken = true
    }
}
