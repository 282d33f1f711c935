import Glibc
import NIOConcurrencyHelpers

/// Writes lines to a file descriptor from a thread of its own, so that a slow terminal, pipe or disk never holds up an event loop.
///
/// What waits to be written is bounded. Lines that do not fit are dropped whole and counted, and the count is reported in their place as
/// soon as there is room.
package final class LineWriter: @unchecked Sendable {
    // `@unchecked Sendable` holds because every access to the variables below happens with `lock` held.
    private let lock = ConditionLock(value: Work.none)
    private var pending: [UInt8] = []
    private var dropped = 0
    private var isClosed = false

    private enum Work {
        case none
        case some
        case finished
    }

    private let descriptor: Int32
    private let capacity: Int
    private let describeDropped: @Sendable (Int) -> [UInt8]

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - descriptor: Where to write. Stays the caller's.
    ///   - capacity: How many bytes may wait.
    ///   - describeDropped: Makes the line that stands for a number of dropped ones, its newline included.
    package init(descriptor: Int32, capacity: Int = 8 << 20, describeDropped: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.describeDropped = describeDropped
        if !DetachedThread.start("log-writer", { self.run() }) { isClosed = true }
    }

    /// Adds what `append` writes: `count` whole lines.
    package func write(count: Int = 1, _ append: (inout [UInt8]) -> Void) {
        lock.lock()
        guard !isClosed else { return lock.unlock() }
        if pending.count >= capacity {
            dropped += count
        } else {
            append(&pending)
        }
        lock.unlock(withValue: .some)
    }

    /// Writes what waits, and ends the thread. Blocks for `seconds` at most: a reader that is stuck must not keep the server alive.
    package func close(seconds: Double) {
        lock.lock()
        guard !isClosed else { return lock.unlock() }
        isClosed = true
        lock.unlock(withValue: .some)
        if lock.lock(whenValue: .finished, timeoutSeconds: seconds) { lock.unlock() }
    }

    private func run() {
        var writing: [UInt8] = []
        while true {
            lock.lock(whenValue: .some)
            swap(&writing, &pending)
            if dropped > 0 {
                writing += describeDropped(dropped)
                dropped = 0
            }
            let isLast = isClosed
            lock.unlock(withValue: .none)
            writeAll(writing)
            writing.removeAll(keepingCapacity: writing.capacity < 1 << 20)
            if isLast {
                lock.lock()
                return lock.unlock(withValue: .finished)
            }
            pause()
        }
    }

    /// Lets lines come together: a busy server would otherwise wake this thread, and write, for every few of them. A line that comes
    /// alone has been written by now.
    private func pause() {
        var interval = timespec(tv_sec: 0, tv_nsec: 1_000_000)
        nanosleep(&interval, nil)
    }

    /// There is nowhere to report that the log itself cannot be written: the lines are lost, and the server goes on.
    private func writeAll(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, 1000)
            } else if errno != EINTR {
                return
            }
        }
    }
}
