import Glibc

/// A file that passed the check, open for reading. The descriptor closes when the last reference goes.
package final class TrustedFile: Sendable {
    /// Which file it is and in which state, to notice that it was exchanged.
    package struct Stamp: Equatable, Sendable {
        package var device: UInt64
        package var inode: UInt64
        package var size: Int64
        package var modifiedSeconds: Int64
        package var modifiedNanoseconds: Int64

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modifiedSeconds = Int64(status.st_mtim.tv_sec)
            modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
        }
    }

    /// Absolute, without symbolic links, `.` or `..`.
    package let path: String
    package let stamp: Stamp
    package let descriptor: Int32

    init(path: String, descriptor: Int32, status: stat) {
        self.path = path
        self.descriptor = descriptor
        stamp = Stamp(status)
    }

    deinit { close(descriptor) }

    /// The directory that holds the file.
    package var directory: String { path.parentDirectory }

    /// Whether the path still names this very file.
    package func isStillInPlace() -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && Stamp(status) == stamp
    }

    /// Reads up to `buffer.count` bytes at `offset`; returns how many there were.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(PluginError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset) + off_t(done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw .notReadable(path: path, reason: SystemError.text(errno))
            }
            done += count
        }
        return done
    }
}
