import Glibc
import NIOConcurrencyHelpers

/// Writes lines to a file descriptor from a thread of its own, so that a slow terminal, pipe or disk never holds up an event loop.
///
/// What waits to be written is bounded. Lines that do not fit, or that the system does not take, are dropped whole, counted and told of.
package final class LineWriter: @unchecked Sendable {
    // `@unchecked Sendable` holds because every access to the variables below happens with `lock` held, and to `isTorn` and `untold` on
    // the writer's thread alone.
    private let lock = ConditionLock(value: Work.none)
    private var pending: [UInt8] = []
    private var dropped = 0
    private var isClosed = false

    /// Whether what was written last ends in the middle of a line.
    private var isTorn = false
    /// What was lost and not told of yet.
    private var untold: Loss?

    private enum Work {
        case none
        case some
        case finished
    }

    /// Lines that were not written.
    package struct Loss: Sendable {
        package fileprivate(set) var count: Int
        /// The `errno` of the write that failed last; nil when nothing reads fast enough.
        package fileprivate(set) var code: Int32?
        /// Whether the writer ends, so that nothing is told later.
        package fileprivate(set) var isFinal = false

        /// Why, behind the name of where the lines were to go.
        package var reason: String { code.map { "cannot be written to: \(SystemError.text($0))" } ?? "is not read" }
    }

    private let descriptor: Int32
    private let capacity: Int
    private let describe: @Sendable (Loss) -> [UInt8]?
    private let onLoss: @Sendable (Int) -> Void

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - descriptor: Where to write. Stays the caller's.
    ///   - capacity: How many bytes may wait.
    ///   - onLoss: Called with the number of lines whenever some are lost, on any thread; must not write.
    ///   - describe: Makes the line that stands for lost ones, its newline included; nothing when it is told elsewhere, and nil when it is
    ///     not to be told yet. Called on the writer's thread.
    /// - Throws: `ServerError` when the system has no thread to give.
    package init(
        descriptor: Int32, capacity: Int = 8 << 20, onLoss: @escaping @Sendable (Int) -> Void = { _ in },
        describe: @escaping @Sendable (Loss) -> [UInt8]?
    ) throws(ServerError) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.onLoss = onLoss
        self.describe = describe
        guard DetachedThread.start("log-writer", { self.run() }) else {
            throw ServerError(
                "the system has no thread to write a log with; raise the limit of processes (RLIMIT_NPROC, TasksMax)")
        }
    }

    /// Adds what `append` writes: `count` whole lines.
    package func write(count: Int = 1, _ append: (inout [UInt8]) -> Void) {
        lock.lock()
        guard !isClosed else { return lock.unlock() }
        if pending.count >= capacity {
            dropped += count
            // Counted at once: the thread may be stuck in a write.
            onLoss(count)
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
            let overflow = dropped
            dropped = 0
            let isLast = isClosed
            lock.unlock(withValue: .none)
            // What was lost is told of where it would have been, or as soon after that as something can be written.
            tell(isFinal: false)
            write(writing)
            if overflow > 0 { note(overflow, code: nil) }
            tell(isFinal: isLast)
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

    private func note(_ count: Int, code: Int32?) {
        untold = Loss(count: (untold?.count ?? 0) + count, code: code)
    }

    private func tell(isFinal: Bool) {
        guard var loss = untold else { return }
        loss.isFinal = isFinal
        guard let line = describe(loss) else { return }
        if line.isEmpty || put(line) == nil { untold = nil }
    }

    /// Writes whole lines. Those of them that are not written are noted as lost, one of which a part was written among them.
    private func write(_ bytes: [UInt8]) {
        guard let failure = put(bytes) else { return }
        let count = failure.rest.count { $0 == Self.newline }
        onLoss(count)
        note(count, code: failure.code)
    }

    private static let newline = UInt8(ascii: "\n")

    /// Writes lines, behind the end of one that was torn.
    ///
    /// - Returns: what was not written and why; nil when all was.
    private func put(_ bytes: [UInt8]) -> (rest: ArraySlice<UInt8>, code: Int32)? {
        if isTorn {
            if let failure = writeAll([Self.newline]) { return (bytes[...], failure.code) }
            isTorn = false
        }
        guard let failure = writeAll(bytes[...]) else { return nil }
        isTorn = failure.rest.startIndex > 0 && bytes[failure.rest.startIndex - 1] != Self.newline
        return failure
    }

    private func writeAll(_ bytes: ArraySlice<UInt8>) -> (rest: ArraySlice<UInt8>, code: Int32)? {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            let code = count < 0 ? errno : 0
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if code == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, 1000)
            } else if code != EINTR {
                // No file answers that it took nothing without an error, but a loop without an end would be the price of believing so.
                return (rest, count < 0 ? code : EIO)
            }
        }
        return nil
    }
}
