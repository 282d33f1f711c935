import Glibc
import PluginKit

/// Which other processes use a database and the write-ahead log that stands beside it, as far as SQLite's locks tell.
///
/// Who has a database open in WAL mode holds a lock on its file (SQLite's "Shared" range) for as long as it holds one on the log's
/// index ("dead man switch"), and takes the first before the second. SQLite finds the log by the database's path. So a lock on the
/// index alone is that of a process which has not noticed yet that its database was moved away: SQLite itself would take that
/// process's log for this database's. And a lock on the database alone is that of a process which knows the file by another name,
/// and has another log: each would overwrite what the other has written.
///
/// An instance holds the two files open. It must not end while this process has a connection to them that goes on: see `DatabaseFile`.
final class LogUsers: Sendable {
    private let path: String
    private let database: Int32?
    private let index: Int32?

    // The lock bytes of SQLite on Unix, the same since there are logs: SHARED_FIRST and SHARED_SIZE, UNIX_SHM_DMS.
    private static let shared = (start: 0x4000_0002, count: 510)
    private static let deadManSwitch = (start: 128, count: 1)

    /// Opens what there is now of the two files.
    init(_ path: String) throws(KeystoreError) {
        self.path = path
        database = try LogUsers.descriptor(path)
        do throws(KeystoreError) {
            index = try LogUsers.descriptor(path + "-shm")
        } catch {
            if let database { close(database) }
            throw error
        }
    }

    deinit { for descriptor in [database, index] { if let descriptor { close(descriptor) } } }

    /// Throws `unreachable` when the users of one are not those of the other.
    ///
    /// For files that this process has not open.
    ///
    /// - Parameter inLogMode: whether the database's header says that it has a log. Without one, a lock on the database alone is a
    ///   reader's, for whom SQLite waits.
    static func check(_ path: String, inLogMode: Bool, _ deadline: Deadline) throws(KeystoreError) {
        try settle(deadline) { () throws(KeystoreError) in
            guard let problem = try LogUsers(path).problem() else { return nil }
            if case .otherLog = problem, !inLogMode { return nil }
            return problem.error(path)
        }
    }

    /// The same, for files that this process has open by now, so that of two processes that begin at the same time one at least sees
    /// the other.
    func check(_ deadline: Deadline) throws(KeystoreError) {
        try LogUsers.settle(deadline) { () throws(KeystoreError) in try problem()?.error(path) }
    }

    /// Looks again for up to 3 s, or half of the time that is left: processes come and go between two looks, and who opens or closes
    /// the database has one lock only for a moment.
    private static func settle(
        _ deadline: Deadline, _ look: () throws(KeystoreError) -> KeystoreError?
    ) throws(KeystoreError) {
        let patience = Deadline(after: min(deadline.remaining / 2, .seconds(3)))
        while let error = try look() {
            guard !patience.hasPassed else { throw error }
            usleep(1000)
        }
    }

    private enum Problem {
        case otherDatabase(user: String)
        case otherLog(user: String)

        func error(_ path: String) -> KeystoreError {
            switch self {
            case .otherDatabase(let user):
                .unreachable(
                    "\(user) has the log \(path)-wal open with a database that is not \(path) any more: stop that process, then "
                        + DatabaseFile.remedy(path))
            case .otherLog(let user):
                .unreachable(
                    "\(user) has the database \(path) open, but not its log \(path)-wal: it must know the file by another name (a hard "
                        + "link, or a mount of the file alone), and each would lose what the other stores. Stop that process, or "
                        + "give both the same `path`")
            }
        }
    }

    private func problem() throws(KeystoreError) -> Problem? {
        let (user, logUser) = (
            try holder(database, LogUsers.shared, path), try holder(index, LogUsers.deadManSwitch, path + "-shm")
        )
        switch (user, logUser) {
        case (nil, let logUser?): return .otherDatabase(user: logUser.name)
        // Alone with the database: closing it, or without a log. SQLite waits for that.
        case (let user?, nil) where !user.isExclusive: return .otherLog(user: user.name)
        default: return nil
        }
    }

    /// Another process that holds a lock in a range of a file, if one does.
    private func holder(
        _ descriptor: Int32?, _ range: (start: Int, count: Int), _ path: String
    ) throws(KeystoreError) -> (name: String, isExclusive: Bool)? {
        guard let descriptor else { return nil }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = range.start
        lock.l_len = range.count
        guard fcntl(descriptor, F_GETLK, &lock) == 0 else { throw .file("ask for the locks of", path, errno) }
        guard lock.l_type != Int16(F_UNLCK) else { return nil }
        // Processes outside of this container, or on another machine, have no number here.
        return (lock.l_pid > 0 ? "another process (\(lock.l_pid))" : "another process", lock.l_type == Int16(F_WRLCK))
    }

    private static func descriptor(_ path: String) throws(KeystoreError) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor < 0 else { return descriptor }
        guard errno == ENOENT else { throw .file("open", path, errno) }
        return nil
    }
}
