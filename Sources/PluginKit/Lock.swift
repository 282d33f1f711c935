import Glibc

/// A value that one thread uses at a time.
///
/// Why not `Synchronization.Mutex`: its slow path is in a library that the thread sanitizer does not see into (Swift 6.3, Linux),
/// which then reports races that are none. This one is a `pthread_mutex_t`, which the sanitizer knows.
public final class Lock<Value: Sendable>: @unchecked Sendable {
    // `@unchecked Sendable` holds because `value` is used with `mutex` held only. The mutex is allocated, because it must not move.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` with the value when nobody else uses it. `body` must be short, must not block and must not take the lock.
    public func withLock<Result, E: Error>(_ body: (inout Value) throws(E) -> Result) throws(E) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
