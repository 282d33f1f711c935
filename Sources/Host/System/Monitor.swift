import Glibc

/// State behind a lock, and conditions to wait for while others change it.
///
/// The standard library's `Mutex` cannot wait; this is a POSIX mutex with condition variables on `CLOCK_MONOTONIC`.
final class Monitor<State: Sendable>: @unchecked Sendable {
    // `@unchecked Sendable` holds because `state` is read and written with `mutex` held only, and what it holds may be used by any thread,
    // also when it has left the monitor. The pointers never change.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let state: UnsafeMutablePointer<State>

    /// What to do after a look at the state.
    enum Step<Result> {
        case done(Result)
        /// Look again when the condition was signalled, or at that time.
        case wait(until: MonotonicTime?)
    }

    init(_ initial: consuming State) {
        mutex = .allocate(capacity: 1)
        state = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        state.initialize(to: initial)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Runs `body` with the lock held.
    func withLock<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&state.pointee)
    }

    /// Runs `look` with the lock held, again and again until it is done, and in between waits, with the lock released, for
    /// `condition`. (`look` returns in order to wait because its access to the state must end before others get theirs.)
    func wait<Result>(for condition: Condition, _ look: (inout State) -> Step<Result>) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            switch look(&state.pointee) {
            case .done(let result): return result
            case .wait(until: nil): pthread_cond_wait(condition.variable, mutex)
            case .wait(until: let time?):
                var until = time.timespec
                pthread_cond_timedwait(condition.variable, mutex, &until)
            }
        }
    }
}

/// A condition variable, signalled with the monitor's lock held or not.
final class Condition: @unchecked Sendable {
    // `@unchecked Sendable` holds because POSIX lets any thread use a condition variable at any time between its initialisation
    // and its destruction, and the pointer never changes.
    fileprivate let variable: UnsafeMutablePointer<pthread_cond_t>

    init() {
        variable = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(variable, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(variable)
        variable.deallocate()
    }

    func signal() { pthread_cond_signal(variable) }
    func broadcast() { pthread_cond_broadcast(variable) }
}
