import Glibc

extension KeystoreMigration {
    /// From now on the first SIGINT, SIGTERM or SIGHUP has `run` begin no further key, finish those that it has begun, and throw; the next
    /// one ends the process. One that the process was started to ignore, as by nohup, stays ignored.
    ///
    /// - Parameter told: called after the first one, on a thread of its own.
    package func stopAtSignals(_ told: @escaping @Sendable () -> Void) throws {
        let signals = try SignalWatcher()
        let watched = [SIGINT, SIGTERM, SIGHUP].filter { !Self.isIgnored($0) }
        let isWaiting = DetachedThread.start("kes-signals") {
            let number = signals.next()
            for number in watched { signal(number, SIG_DFL) }
            self.stop(by: number)
            told()
        }
        // Without a thread, signals end the process as they do any other.
        guard isWaiting else { return }
        for number in watched { signals.watch(number, once: true) }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var current = sigaction()
        guard sigaction(number, nil, &current) == 0 else { return false }
        // Functions do not compare; SIG_IGN is the address 1 (bits/signum-generic.h).
        return unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
