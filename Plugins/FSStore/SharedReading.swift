import Glibc
import PluginKit

/// Something that takes long to read, which one thread reads for all who asked before it began.
///
/// Whoever asks gets what was read from a moment behind that on. So a reading that had begun by then is of no use, and they wait for the
/// next one: two readings do for any number of threads that ask at once.
final class SharedReading<Value: Sendable>: @unchecked Sendable {
    // `@unchecked Sendable` holds because the variables are used with `mutex` held only. The mutex and the condition are allocated,
    // because they must not move.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let ended = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isReading = false
    /// How many readings have begun.
    private var begun = 0
    private var waiting = 0
    /// What was read last, for those who wait, and which reading it was.
    private var latest: (value: Value, serial: Int)?

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(ended, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(ended)
        pthread_mutex_destroy(mutex)
        ended.deallocate()
        mutex.deallocate()
    }

    /// What `read` returns, here or in another thread that began with it after this was called.
    ///
    /// - Throws: `KeystoreError.timeout` when neither has happened by the deadline, or what `read` throws here.
    func value(
        until deadline: Deadline, _ read: () throws(KeystoreError) -> Value
    ) throws(KeystoreError) -> Value {
        if let value = try waitForOther(until: deadline) { return value }
        do throws(KeystoreError) {
            let value = try read()
            end(value)
            return value
        } catch {
            end(nil)
            throw error
        }
    }

    /// What another thread has read; nothing when it is this one's turn.
    private func waitForOther(until deadline: Deadline) throws(KeystoreError) -> Value? {
        var time = timespec(
            tv_sec: Int(deadline.nanoseconds / 1_000_000_000), tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
        pthread_mutex_lock(mutex)
        waiting += 1
        defer {
            waiting -= 1
            // Nobody else may use it.
            if waiting == 0 { latest = nil }
            pthread_mutex_unlock(mutex)
        }
        let earlier = begun
        while isReading {
            let isLate = pthread_cond_timedwait(ended, mutex, &time) == ETIMEDOUT
            if let latest, latest.serial > earlier { return latest.value }
            if isLate { throw .timeout }
        }
        isReading = true
        begun += 1
        return nil
    }

    private func end(_ value: Value?) {
        pthread_mutex_lock(mutex)
        isReading = false
        if let value, waiting > 0 { latest = (value, begun) }
        pthread_cond_broadcast(ended)
        pthread_mutex_unlock(mutex)
    }
}
