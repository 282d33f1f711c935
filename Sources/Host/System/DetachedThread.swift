import CLinux
import Glibc

/// Threads of the server's own, for what may block: plugins' functions, and writing to files.
enum DetachedThread {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that blocks all signals, so that a handler never interrupts what it runs. Only those stay open that
    /// the thread's own faults raise, for which blocking would just hide the cause.
    ///
    /// - Parameter name: at most 15 bytes, shown by `ps -L` and debuggers.
    /// - Returns: whether the system had a thread to give.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        var blocked = sigset_t()
        sigfillset(&blocked)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&blocked, fault) }
        var previous = sigset_t()
        // A thread inherits the mask of the one that makes it.
        guard pthread_sigmask(SIG_SETMASK, &blocked, &previous) == 0 else { return false }
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }

        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return false }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))

        let body = Unmanaged.passRetained(Body(name: name, run: run))
        var thread = pthread_t()
        let result = pthread_create(&thread, &attributes, main, body.toOpaque())
        if result != 0 { body.release() }
        return result == 0
    }

    /// What a new thread runs.
    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        // The pointer is the one that `start` made with `passRetained`, handed over to this thread alone.
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        // Cannot fail for a valid pointer (prctl(2)).
        _ = keswick_name_thread(body.name)
        body.run()
        return nil
    }
}
