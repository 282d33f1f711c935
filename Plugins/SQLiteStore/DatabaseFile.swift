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

    /// Held while a file is checked and the first connection to it is opened.
    private static let opening = TimedLock(())
    /// The files that instances in this process have open, and how many instances each.
    private static let opened = Lock<[FileIdentity: Int]>([:])

    /// Opens the database at `path`, or makes an empty one, and gives a connection for writing.
    static func open(
        _ path: String, log: HostLog, deadline: Deadline
    ) throws(KeystoreError) -> (DatabaseFile, Connection) {
        try opening.withLock(until: deadline) { _ throws(KeystoreError) in
            let path = try NewDatabase.ensureExists(path, log: log, deadline: deadline)
            let identity = try FileIdentity(path)
            // An instance takes its file off the list after it has closed its connections.
            if opened.withLock({ $0[identity] == nil }) { try checkHeader(path) }
            // Not before it is known to be ours: nobody should be told to change the mode of another's file.
            if identity.mode & 0o077 != 0 { log.warning("\(path) is open to others than its owner: set its mode to 0600") }
            let file = DatabaseFile(path: path, identity: identity)
            try file.checkWritable()
            let connection = try file.connect(deadline, log: log)
            opened.withLock { $0[identity, default: 0] += 1 }
            return (file, connection)
        }
    }

    /// To be called once, when the instance's connections are closed.
    func release() {
        DatabaseFile.opened.withLock { opened in
            guard let count = opened[identity] else { return }
            opened[identity] = count > 1 ? count - 1 : nil
        }
    }

    /// Throws `unreachable` when the path leads to another file than the one that is open: what is written now would be lost.
    func checkIdentity() throws(KeystoreError) {
        guard let now = try? FileIdentity(path), now == identity else {
            throw .unreachable("the database \(path) was removed or replaced while in use: restore it, then restart the server")
        }
    }

    private static func checkHeader(_ path: String) throws(KeystoreError) {
        // Not blocking, in case somebody put a FIFO here.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system("open", path, errno) }
        defer { Glibc.close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw .system("examine", path, errno) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw .corrupt("\(path) is not a file") }
        var header = [UInt8](repeating: 0, count: DatabaseFormat.headerSize)
        var filled = 0
        while filled < header.count {
            let count = header[filled...].withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(filled)) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", path, errno) }
            if count == 0 { break }
            filled += count
        }
        guard let defect = DatabaseFormat.defect(header: Array(header[..<filled])) else { return }
        throw .corrupt(
            "\(path) is no database of this keystore: \(defect). It is left as it is: name another file, or move it away")
    }

    /// Throws `denied` when this process may not write one of the database's files. SQLite would open it all the same, and fail with the
    /// first key that is to be stored: a file that was restored from a backup may belong to root.
    private func checkWritable() throws(KeystoreError) {
        for path in [path, path + "-wal", path + "-shm"] {
            guard access(path, W_OK) != 0 else { continue }
            switch errno {
            case ENOENT: continue
            case EROFS: throw .denied("\(path) is on a file system that is mounted read-only: mount it for writing")
            case EACCES, EPERM:
                throw .denied("\(path) cannot be written by the server's user (uid \(geteuid())); chown it to that user")
            default: throw .system("examine", path, errno)
            }
        }
    }

    /// A connection for writing, to a file whose header is right. Checks the rest before anything is written.
    private func connect(_ deadline: Deadline, log: HostLog) throws(KeystoreError) -> Connection {
        do throws(SQLiteError) {
            let connection = try Connection(path, deadline)
            // Until the checks are done, not even closing may write: nothing that stands in a write-ahead log may be moved
            // into the file. When there is none, closing has nothing to move, and removes the log and index that it made.
            connection.setCheckpointOnClose(hasEmptyLog)
            try check(connection, deadline, log: log)
            try connection.execute("PRAGMA secure_delete = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY")
            guard try connection.query("PRAGMA journal_mode = WAL", deadline) == [["wal"]] else {
                throw SQLiteError(SQLITE_CANTOPEN, "its file system does not allow the WAL mode")
            }
            connection.setCheckpointOnClose(true)
            return connection
        } catch {
            throw error.keystoreError("open", path)
        }
    }

    /// Whether there is no write-ahead log, or an empty one.
    private var hasEmptyLog: Bool {
        var info = stat()
        return stat(path + "-wal", &info) == 0 ? info.st_size == 0 : errno == ENOENT
    }

    private func check(_ connection: Connection, _ deadline: Deadline, log: HostLog) throws(SQLiteError) {
        // The header's numbers again: the newest may be in the write-ahead log.
        let numbers = try connection.query("SELECT * FROM pragma_application_id, pragma_user_version", deadline)
        let schema = try connection.query("SELECT sql FROM sqlite_schema", deadline)
        guard numbers == [["\(DatabaseFormat.applicationID)", "\(DatabaseFormat.userVersion)"]],
            schema == [[DatabaseFormat.schema]]
        else { throw SQLiteError(SQLITE_CORRUPT, "its tables are not those of this keystore") }
        // The check of the B-tree reads the whole file: it gets half of the time that is left, and a file that is too large
        // for that is met page by page, as it is used.
        do throws(SQLiteError) {
            let defects = try connection.query("PRAGMA quick_check(1)", Deadline(after: deadline.remaining / 2))
            guard defects == [["ok"]] else { throw SQLiteError(SQLITE_CORRUPT, "it is damaged") }
        } catch  where error.code == SQLITE_INTERRUPT {
            log.info("\(path) is too large to be checked while it is opened")
        }
    }
}
