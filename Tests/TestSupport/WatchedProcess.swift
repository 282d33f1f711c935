import CLinux
import Glibc

/// Whether the tests, and the programs that they start, were built with a sanitizer: those take more memory than any limit, and report
/// crashes themselves.
package let isSanitized = keswick_is_sanitized() != 0

/// A process, not necessarily a child of this one, whose end a test waits for.
package final class WatchedProcess: Sendable {
    // From pidfd_open(2), which tells of the end even when nobody collects the process.
    private let descriptor: Int32

    /// - Parameter process: one that runs.
    package init(_ process: pid_t) throws {
        descriptor = keswick_open_process(process)
        guard descriptor >= 0 else { throw SystemError("pidfd_open \(process)", errno) }
    }

    deinit { close(descriptor) }

    /// Whether it has ended, or does within a minute.
    package func ends() -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, 60_000) == 1
    }
}
