import CLinux
import Glibc
import NIOConcurrencyHelpers

/// What a check leaves behind when a signal ends it: nothing. Where it cannot remove its names from a keystore that is not its own, it
/// says which.
///
/// A signal may come at any moment. A thread waits for it, ends the workers with all that they have started, has the names removed, and
/// the directories, and then has the signal end this process, as if nobody had waited for it. A second signal ends it at once.
package enum Interruption {
    struct Holdings {
        /// Processes that were started and not collected; each leads a process group.
        var workers: Set<pid_t> = []
        var directories: Set<String> = []
        /// Set once a worker was started that may make keys there; nil when the keystores are in `directories`.
        var keptKeystore: KeptKeystore?
    }

    /// A keystore that is not thrown away.
    struct KeptKeystore: Sendable {
        /// What the names of the check's keys have in them.
        var names: String
        /// Removes them, and returns why not all, or nil. `hasBegun` is called when it needs none of the directories any more.
        var remove: @Sendable (_ isHeld: Bool, _ hasBegun: () -> Void) -> String?

        /// Removes them when no worker runs any more, and returns what is left, or nil.
        ///
        /// - Parameter isHeld: as for a worker.
        func sweep(isHeld: Bool = true, hasBegun: () -> Void = {}) -> String? {
            remove(isHeld, hasBegun).map { "Keys whose names hold \"\(names)\" may be left in the keystore: \($0)" }
        }
    }

    /// Locked while something is made, and for good once a signal has come: what is not there by then is never made.
    private static let holdings = NIOLockedValueBox(Holdings())
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// From now on cleans up at a signal. To be called once, before other threads are started: they inherit that they do not get it.
    package static func handle() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { _ in
                Interruption.waitForSignal()
                return nil
            }, nil)
        guard result != 0 else { return }
        // Then a signal ends the process as it does any other.
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// Makes something that has to be cleaned up, or takes note that it was.
    static func change<R, E: Error>(_ body: (inout Holdings) throws(E) -> R) throws(E) -> R {
        let result: Result<R, E> = holdings.withLockedValue { holdings in
            do throws(E) { return .success(try body(&holdings)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func waitForSignal() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        holdings.withLockedValue { holdings in
            for worker in holdings.workers { WorkerProcess.end(worker) }
            for worker in holdings.workers {
                var information = siginfo_t()
                while waitid(P_PID, id_t(worker), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            }
            let kept = holdings.keptKeystore
            let directories = holdings.directories
            func removeDirectories() { for directory in directories { WorkDirectories.removeTree(directory) } }
            if let kept {
                // On a terminal behind the line that says what is checked.
                say(
                    "\nInterrupted: removing the keys of this check, whose names hold \"\(kept.names)\"; another signal leaves them there\n"
                )
            }
            for signal in signals { Glibc.signal(signal, SIG_DFL) }
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            if let left = kept?.sweep(isHeld: false, hasBegun: removeDirectories) { say(left + "\n") }
            removeDirectories()
            raise(number)
            _exit(128 + number)
        }
    }

    /// Whoever does not read it cannot be told.
    private static func say(_ text: String) {
        var text = text
        _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
