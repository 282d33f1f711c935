import CSQLite
import Glibc
import PluginKit

/// The database's file: made when it is missing, and checked before SQLite may change anything.
///
/// The file must never be opened and closed past SQLite while a connection of this process has it open: closing any
/// descriptor of a file drops all POSIX locks that the process holds on it, and with them SQLite's protection against other
/// processes. So the checks that read the file themselves run under one lock with the opening of connections, and not at all
/// for a file that an instance in this process has open (and has checked) already.
struct DatabaseFile: Sendable {
    /// Absolute and free of symbolic links, so that all connections open one file whatever becomes of them.
    let path: String
    private let identity: FileIdentity
    /// The write-ahead log and its index. SQLite finds them by their names, whatever stands there; those who use the database keep them.
    private let companions: [(path: String, identity: FileIdentity)]

    /// Held while a file is checked and the first connection to it is opened.
    private static let opening = TimedLock(())
    /// The files that instances in this process have open, one for each instance.
    private static let opened = Lock<[(path: String, identity: FileIdentity, users: LogUsers)]>([])

    /// Opens the database at `path`, or makes an empty one, and gives a connection for writing.
    static func open(
        _ path: String, log: HostLog, deadline: Deadline
    ) throws(KeystoreError) -> (DatabaseFile, Connection) {
        try opening.withLock(until: deadline) { _ throws(KeystoreError) in
            let path = try NewDatabase.ensureExists(path, log: log, deadline: deadline)
            let identity = try FileIdentity(path)
            let others = opened.withLock { $0.filter { $0.path == path || $0.identity == identity } }
            // Its log stands beside this file, and would be taken for this file's.
            guard others.allSatisfy({ $0.path != path || $0.identity == identity }) else { throw replaced(path) }
            // And the log of this file stands beside its other name.
            if let other = others.first(where: { $0.path != path }) { throw openedAs(other.path, path) }
            // An instance takes its file off the list after it has closed its connections.
            if others.isEmpty {
                try LogUsers.check(path, inLogMode: checkHeader(path), deadline)
            }
            // Not before it is known to be ours: nobody should be told to change the mode of another's file.
            if identity.mode & 0o077 != 0 { log.warning("\(path) is open to others than its owner: set its mode to 0600") }
            try checkWritable(path)
            let connection = try connect(path, deadline, log: log)
            let file = try DatabaseFile(path: path, identity: identity)
            // The same ones for all instances, since closing a descriptor drops the locks of all.
            let users = if let other = others.first { other.users } else { try newUsers(path, connection, deadline) }
            do throws(SQLiteError) {
                if try DatabaseFormat.upgrade(connection, deadline) {
                    log.warning("\(path) keeps check sums from now on: older versions of this keystore cannot open it any more")
                }
            } catch {
                throw error.keystoreError("open", path)
            }
            if try FileIdentity(path).links > 1 {
                log.warning(
                    "\(path) has another name, a hard link to the same file: opening it by that name can lose keys. Remove that name; a "
                        + "backup has to be a copy")
            }
            opened.withLock { $0.append((path, identity, users)) }
            return (file, connection)
        }
    }

    /// Looks at the locks once more, with the connection's own in place.
    private static func newUsers(
        _ path: String, _ connection: Connection, _ deadline: Deadline
    ) throws(KeystoreError) -> LogUsers {
        let users: LogUsers
        do throws(KeystoreError) {
            users = try LogUsers(path)
            try users.check(deadline)
        } catch {
            connection.setCheckpointOnClose(false)
            connection.close()
            throw error
        }
        return users
    }

    /// The files whose log SQLite has open by now.
    private init(path: String, identity: FileIdentity) throws(KeystoreError) {
        self.path = path
        self.identity = identity
        var companions: [(path: String, identity: FileIdentity)] = []
        for path in [path + "-wal", path + "-shm"] { companions.append((path, try FileIdentity(path))) }
        self.companions = companions
    }

    /// Closes an instance's last connection and takes the file off the list. To be called once.
    ///
    /// SQLite moves the write-ahead log into the database and removes it. When the path leads to another file by now, the log would
    /// stay, and be played over that file at the next start. So it is moved into the database that it belongs to, which the
    /// connection has open wherever it is, and removed. Nothing is written to what stands under the name.
    func close(_ connection: Connection, log: HostLog) {
        defer {
            DatabaseFile.opened.withLock { opened in
                if let index = opened.firstIndex(where: { $0.path == path && $0.identity == identity }) {
                    opened.remove(at: index)
                }
            }
        }
        guard isReplaced else { return connection.close() }
        connection.setCheckpointOnClose(false)
        do throws(SQLiteError) {
            try connection.emptyLog(Deadline(after: .seconds(5)))
            connection.close()
            for (path, identity) in companions where (try? FileIdentity.current(path)) == identity { unlink(path) }
            log.warning(
                "the database \(path) was removed or replaced while in use: nothing was written to what stands there now. See that it "
                    + "is the right one before the next start")
        } catch {
            connection.close()
            log.error(
                error.keystoreError("move the write-ahead log into", "that was \(path)").message + ". It was removed or replaced "
                    + "while in use: before the next start \(DatabaseFile.remedy(path))")
        }
    }

    /// Throws `unreachable` when one of the paths leads to another file than the one that is open: what is written now would be lost,
    /// and a new connection would read one database with the log of another.
    func checkIdentity() throws(KeystoreError) { if let replacement = try replacement() { throw replacement } }

    /// The error that `checkIdentity` throws, if there is one. Throws when it cannot be told.
    func replacement() throws(KeystoreError) -> KeystoreError? {
        guard try FileIdentity.current(path) == identity else { return DatabaseFile.replaced(path) }
        for companion in companions where try FileIdentity.current(companion.path) != companion.identity {
            return .unreachable(
                "\(companion.path) was removed or replaced while in use: restart the server, which saves what was in it")
        }
        return nil
    }

    /// Where it cannot be told, SQLite cannot either, and leaves the log as it is.
    private var isReplaced: Bool { do { return try FileIdentity.current(path) != identity } catch { return false } }

    private static func replaced(_ path: String) -> KeystoreError {
        .unreachable("the database \(path) was removed or replaced while in use: stop the server, \(remedy(path)), then start it")
    }

    private static func openedAs(_ other: String, _ path: String) -> KeystoreError {
        .invalid("\(path) is another name of \(other), which this server has open: leave `path` as it was, or restart the server")
    }

    /// What makes a file that stands at `path` usable.
    static func remedy(_ path: String) -> String { "remove \(path)-wal and \(path)-shm, put the database or its backup in place" }

    /// Throws when the file is no database of ours, and says whether it is one with a log.
    private static func checkHeader(_ path: String) throws(KeystoreError) -> Bool {
        // Not blocking, in case somebody put a FIFO here.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .file("open", path, errno) }
        defer { Glibc.close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw .file("examine", path, errno) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw .corrupt("\(path) is not a file") }
        var header = [UInt8](repeating: 0, count: DatabaseFormat.headerSize)
        var filled = 0
        while filled < header.count {
            let count = header[filled...].withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(filled)) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .file("read", path, errno) }
            if count == 0 { break }
            filled += count
        }
        guard let defect = DatabaseFormat.defect(header: Array(header[..<filled])) else {
            return DatabaseFormat.isInLogMode(header: header)
        }
        throw .corrupt(
            "\(path) is no database of this keystore: \(defect). It is left as it is: name another file, or move it away")
    }

    /// Throws `denied` when this process may not write one of the database's files. SQLite would open it all the same, and fail with the
    /// first key that is to be stored: a file that was restored from a backup may belong to root.
    private static func checkWritable(_ path: String) throws(KeystoreError) {
        for path in [path, path + "-wal", path + "-shm"] {
            guard access(path, W_OK) != 0 else { continue }
            switch errno {
            case ENOENT: continue
            case EROFS: throw .denied("\(path) is on a file system that is mounted read-only: mount it for writing")
            case EACCES, EPERM:
                throw .denied("\(path) cannot be written by the server's user (uid \(geteuid())); chown it to that user")
            default: throw .file("examine", path, errno)
            }
        }
    }

    /// A connection for writing, to a file whose header is right. Checks the rest before anything is written.
    private static func connect(_ path: String, _ deadline: Deadline, log: HostLog) throws(KeystoreError) -> Connection {
        do throws(SQLiteError) {
            let connection = try Connection(path, deadline)
            // Until the checks are done, not even closing may write: nothing that stands in a write-ahead log may be moved
            // into the file. When there is none, closing has nothing to move, and removes the log and index that it made.
            connection.setCheckpointOnClose(hasEmptyLog(path))
            try check(connection, path, deadline, log: log)
            try connection.execute("PRAGMA secure_delete = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY")
            guard try connection.query("PRAGMA journal_mode = WAL", deadline) == [["wal"]] else {
                throw SQLiteError(SQLITE_CANTOPEN, "its file system does not allow the WAL mode")
            }
            // The log is made by the first who reads, where there was none before.
            _ = try connection.query("SELECT count(*) FROM sqlite_schema", deadline)
            connection.setCheckpointOnClose(true)
            return connection
        } catch {
            throw error.keystoreError("open", path)
        }
    }

    /// Whether there is no write-ahead log, or an empty one.
    private static func hasEmptyLog(_ path: String) -> Bool {
        var info = stat()
        return stat(path + "-wal", &info) == 0 ? info.st_size == 0 : errno == ENOENT
    }

    private static func check(
        _ connection: Connection, _ path: String, _ deadline: Deadline, log: HostLog
    ) throws(SQLiteError) {
        guard try DatabaseFormat.isKnown(connection, deadline) else {
            throw SQLiteError(SQLITE_CORRUPT, "its tables are not those of this keystore")
        }
        // Not `quick_check`, which does not compare the names: behind one that is out of order others would not be found. The check
        // reads the whole file: it gets half of the time that is left, and a file that is too large for that is met page by page, as
        // it is used.
        do throws(SQLiteError) {
            let defects = try connection.query("PRAGMA integrity_check(1)", Deadline(after: deadline.remaining / 2))
            guard defects == [["ok"]] else { throw SQLiteError(SQLITE_CORRUPT, "it is damaged") }
        } catch  where error.code == SQLITE_INTERRUPT {
            log.info("\(path) is too large to be checked while it is opened")
        }
    }
}
