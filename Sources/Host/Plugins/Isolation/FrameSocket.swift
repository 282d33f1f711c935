import Glibc
import SecureBytes

/// One end of a socket pair that frames go over. One thread at a time reads, and one writes.
final class FrameSocket: Sendable {
    private let descriptor: Int32
    /// At the server's end: tells that the process at the other end is gone, also when one that it has forked holds the socket.
    private let process: ProcessDescriptor?

    enum Problem: Error {
        /// The other end is closed, or sent something that is no frame.
        case ended
        case timedOut
    }

    /// Takes over the descriptor.
    init(_ descriptor: Int32, to process: ProcessDescriptor? = nil) {
        self.descriptor = descriptor
        self.process = process
    }

    deinit { close(descriptor) }

    /// Two ends, not inherited by other programs; nil when the system has no descriptors to give.
    static func pair() -> (Int32, Int32)? {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        return (ends[0], ends[1])
    }

    /// Writes a frame; gives up at `limit`, when the other end does not take it.
    func send(_ frame: Frame, until limit: MonotonicTime?) throws(Problem) {
        try frame.encoded().withUnsafeBytes { (bytes) throws(Problem) in
            var rest = bytes
            while !rest.isEmpty {
                try wait(for: POLLOUT, until: limit)
                // The end of the other process must not raise SIGPIPE in this one.
                let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                let count = Glibc.send(descriptor, rest.baseAddress, rest.count, flags)
                if count < 0, errno == EINTR || errno == EAGAIN { continue }
                guard count > 0 else { throw .ended }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    /// Reads a frame; gives up at `limit`.
    func receive(until limit: MonotonicTime?) throws(Problem) -> Frame {
        var problem = Problem.ended
        let frame = Frame { buffer in
            var rest = buffer
            do throws(Problem) {
                while !rest.isEmpty {
                    if limit != nil || process != nil { try wait(for: POLLIN, until: limit) }
                    let count = read(descriptor, rest.baseAddress, rest.count)
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { return false }
                    rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...])
                }
                return true
            } catch {
                problem = error
                return false
            }
        }
        guard let frame else { throw problem }
        return frame
    }

    private func wait(for events: Int32, until limit: MonotonicTime?) throws(Problem) {
        while true {
            var polled = (
                pollfd(fd: descriptor, events: Int16(events), revents: 0),
                // No descriptor is negative: poll(2) leaves it out.
                pollfd(fd: process?.number ?? -1, events: Int16(POLLIN), revents: 0)
            )
            let count = withUnsafeMutableBytes(of: &polled) {
                poll($0.assumingMemoryBound(to: pollfd.self).baseAddress, 2, limit?.pollTimeout ?? -1)
            }
            if count > 0 {
                // What a process has sent before its end counts.
                guard polled.0.revents != 0 else { throw .ended }
                return
            }
            if count == 0 { throw .timedOut }
            guard errno == EINTR else { throw .ended }
        }
    }
}
