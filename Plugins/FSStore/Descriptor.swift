import Glibc

/// An open file. Closed when the last reference goes.
final class Descriptor {
    let number: Int32

    /// Takes over a descriptor that nobody else closes.
    init(owning number: Int32) { self.number = number }

    // What was written has been synced, or is of no interest: there is nothing to learn from the result of `close`. Linux
    // closes the descriptor even when the call is interrupted.
    deinit { close(number) }

    func info() throws(SystemError) -> stat {
        var info = stat()
        try system("examine") { fstat(number, &info) }
        return info
    }

    /// Reads from the current position until the buffer is full or the file ends, and says how many bytes.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try system("read") { Glibc.read(number, rest.baseAddress, rest.count) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Writes all bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = try system("write") { Glibc.write(number, rest.baseAddress, rest.count) }
            // POSIX allows a write of nothing, and a loop of them would have no end.
            guard count > 0 else { throw SystemError(action: "write", code: EIO) }
            written += count
        }
    }

    /// Waits until the content is on the disk.
    func sync() throws(SystemError) { try system("sync") { fsync(number) } }

    enum Lock {
        case taken
        /// Another process or thread has it.
        case held
        /// The file system has no locks.
        case unsupported
    }

    /// Tries to take the lock of the open file (flock(2)), which goes with the descriptor, or with the process.
    func lock() throws(SystemError) -> Lock {
        do throws(SystemError) {
            try system("lock") { flock(number, LOCK_EX | LOCK_NB) }
            return .taken
        } catch {
            switch error.code {
            case EWOULDBLOCK: return .held
            case ENOLCK, EOPNOTSUPP, ENOSYS: return .unsupported
            default: throw error
            }
        }
    }
}
