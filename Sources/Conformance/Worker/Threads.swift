import Glibc

/// Threads that all run one body and are waited for.
enum Threads {
    private final class Body: Sendable {
        let index: Int
        let run: @Sendable (Int) -> Void

        init(index: Int, run: @escaping @Sendable (Int) -> Void) {
            self.index = index
            self.run = run
        }
    }

    /// Runs `body` on `count` threads, each with its number.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        var threads: [pthread_t] = []
        for index in 0..<count {
            let argument = Unmanaged.passRetained(Body(index: index, run: body))
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    // The pointer is the one that was retained for this thread alone.
                    let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                    body.run(body.index)
                    return nil
                }, argument.toOpaque())
            // The process is the worker of one check: its end is reported as such, and takes nothing else with it.
            guard result == 0 else { fatalError("the system has no thread to give") }
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
    }
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
func monotonicNow() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
