import Glibc
import PluginKit

/// Whether somebody uses the write-ahead log that stands beside a database with another database: the one that stood there before.
///
/// Who has a database open in WAL mode holds a lock on its file (SQLite's "Shared" range) for as long as it holds one on the log's
/// index ("dead man switch"), and takes the first before the second. A lock on the index alone is that of a process which has not
/// noticed yet that its database was moved away. SQLite itself would take that process's log for this database's.
enum LogUsers {
    // The lock bytes of SQLite on Unix, the same since there are logs: SHARED_FIRST and SHARED_SIZE, UNIX_SHM_DMS.
    private static let shared = (start: 0x4000_0002, count: 510)
    private static let deadManSwitch = (start: 128, count: 1)

    /// Throws `unreachable` when that is so. To be called for files that this process has not open: see `DatabaseFile`.
    static func check(_ path: String) throws(KeystoreError) {
        // Twice, because processes come and go between two looks.
        for _ in 0..<2 {
            guard try isLocked(path + "-shm", deadManSwitch), try !isLocked(path, shared) else { return }
        }
        throw .unreachable(
            "another process has the log \(path)-wal open with a database that is not \(path) any more: stop that process, then "
                + DatabaseFile.remedy(path))
    }

    /// Whether another process holds a lock in a range of a file.
    private static func isLocked(_ path: String, _ range: (start: Int, count: Int)) throws(KeystoreError) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw .file("open", path, errno) }
            return false
        }
        defer { close(descriptor) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = range.start
        lock.l_len = range.count
        guard fcntl(descriptor, F_GETLK, &lock) == 0 else { throw .file("ask for the locks of", path, errno) }
        return lock.l_type != Int16(F_UNLCK)
    }
}
