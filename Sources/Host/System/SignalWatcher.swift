import Glibc
import Synchronization

/// Turns signals into values that a thread can wait for.
///
/// A handler may do next to nothing (signal-safety(7)): this one writes the signal's number to a pipe. There is one watcher in a process.
package final class SignalWatcher: Sendable {
    /// Where the handler writes; -1 while there is no watcher.
    private static let pipeEnd = Atomic<Int32>(-1)

    private let readEnd: Int32

    /// Catches nothing yet.
    package init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ServerError("cannot make a pipe for signals: \(SystemError.text(errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A full pipe must not block the handler: signals that wait already stand for the ones that do not fit.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        readEnd = ends[0]
        Self.pipeEnd.store(ends[1], ordering: .sequentiallyConsistent)
    }

    /// Catches signals from now on, in the whole process.
    ///
    /// - Parameter once: Only the first of each kind: the next one has its usual effect, whatever the server is doing.
    package func watch(_ signals: Int32..., once: Bool) {
        for number in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(SignalWatcher.pipeEnd.load(ordering: .relaxed), &byte, 1)
                errno = saved
            }
            action.sa_flags = SA_RESTART | (once ? Int32(bitPattern: UInt32(SA_RESETHAND)) : 0)
            sigaction(number, &action, nil)
        }
    }

    /// Waits for the next signal. Blocks the thread.
    package func next() -> Int32 {
        var byte: UInt8 = 0
        while read(readEnd, &byte, 1) != 1 {}
        return Int32(byte)
    }
}
