import Glibc

/// What a plugin's process writes to its standard output and standard error, read by a thread until the process ends.
final class PluginOutput: Sendable {
    private struct State {
        var lastLine: String?
        var isOver = false
    }

    private let monitor = Monitor(State())
    private let changed = Condition()
    /// A process that it has forked may hold the pipe and go on writing: this much is read after the end.
    private static let lastWords = 65536

    /// Takes over the descriptor, the reading end of a pipe. Nil when the system has no thread to give.
    ///
    /// - Parameter give: called with each line, on the thread.
    init?(_ descriptor: Int32, of process: ProcessDescriptor, _ give: @escaping @Sendable (String) -> Void) {
        let started = DetachedThread.start("keystore-output") { [self] in
            read(descriptor, process) { line in
                monitor.withLock { $0.lastLine = line }
                give(line)
            }
            close(descriptor)
            monitor.withLock { state in
                state.isOver = true
                changed.broadcast()
            }
        }
        guard started else {
            close(descriptor)
            return nil
        }
    }

    /// Waits until all is read, for a process that has ended, and returns the last line.
    func finish() -> String? {
        monitor.wait(for: changed) { state in state.isOver ? .done(state.lastLine) : .wait(until: nil) }
    }

    private func read(_ descriptor: Int32, _ process: ProcessDescriptor, _ give: (String) -> Void) {
        var lines = OutputLines()
        var buffer = [UInt8](repeating: 0, count: 4096)
        var left = Self.lastWords
        while left > 0 {
            var polled = (
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: process.number, events: Int16(POLLIN), revents: 0)
            )
            let ready = withUnsafeMutableBytes(of: &polled) { poll($0.assumingMemoryBound(to: pollfd.self).baseAddress, 2, -1) }
            if ready < 0, errno == EINTR { continue }
            guard ready > 0, polled.0.revents != 0 else { break }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if polled.1.revents != 0 { left -= count }
            buffer.withUnsafeBytes { lines.take(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: .now, give) }
        }
        lines.finish(at: .now, give)
    }
}
