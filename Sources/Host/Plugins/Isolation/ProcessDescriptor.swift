import CLinux
import Glibc

/// A descriptor of a process, from pidfd_open(2): can be read from when that process has ended.
final class ProcessDescriptor: Sendable {
    let number: Int32

    /// - Parameter process: a child that nobody has waited for. Nil, with `errno`, when the system has no descriptor to give.
    init?(_ process: pid_t) {
        let number = keswick_open_process(process)
        // Before it is stored: `deinit` would close -1, and so change `errno`.
        guard number >= 0 else { return nil }
        self.number = number
    }

    deinit { close(number) }

    var hasEnded: Bool { waitForEnd(until: .now) }

    /// Whether it ends before the limit.
    func waitForEnd(until limit: MonotonicTime) -> Bool {
        while true {
            var polled = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            let count = poll(&polled, 1, limit.pollTimeout)
            if count >= 0 { return count > 0 }
            guard errno == EINTR else { return true }
        }
    }
}
