import CSQLite
import Glibc
import PluginKit

/// What a call of SQLite answered when it failed.
struct SQLiteError: Error {
    /// The extended result code.
    let code: Int32
    /// SQLite's message. Holds names of tables and files, never a value.
    let message: String
    /// The `errno` of the system call that failed, or 0.
    let systemError: Int32

    init(_ code: Int32, connection: OpaquePointer?) {
        self.code = code
        message = String(cString: connection == nil ? sqlite3_errstr(code) : sqlite3_errmsg(connection))
        systemError = connection == nil ? 0 : sqlite3_system_errno(connection)
    }

    init(_ code: Int32, _ message: String) {
        self.code = code
        self.message = message
        systemError = 0
    }

    private var primaryCode: Int32 { code & 0xFF }

    /// A name is taken.
    var isConstraint: Bool { primaryCode == SQLITE_CONSTRAINT }

    /// A read, write or sync failed, or there is no space for it.
    var isInputOutput: Bool { primaryCode == SQLITE_IOERR || primaryCode == SQLITE_FULL }

    /// The error as the host sees it.
    ///
    /// - Parameter action: what was tried, as in "store `name` in".
    func keystoreError(_ action: String, _ path: String) -> KeystoreError {
        let cause = systemError == 0 ? message : "\(message) (\(String(cString: strerror(systemError))))"
        let text = "cannot \(action) the database \(path): \(cause)"
        switch primaryCode {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_INTERRUPT:
            return KeystoreError(.timeout, text + "; the deadline passed, possibly because another process holds the database")
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT, SQLITE_MISMATCH, SQLITE_SCHEMA:
            return .corrupt(text + "; restore it from a backup")
        case SQLITE_READONLY where systemError == EROFS, SQLITE_CANTOPEN where systemError == EROFS:
            return .denied(text + "; mount its file system writable")
        case SQLITE_PERM, SQLITE_AUTH, SQLITE_READONLY:
            return .denied(text + "; the server's user must be able to write the file and its directory")
        case SQLITE_CANTOPEN where systemError == EACCES || systemError == EPERM:
            return .denied(text + "; the server's user must be able to write the file and its directory")
        case SQLITE_FULL:
            return .internal(text + "; make room on the disk")
        case SQLITE_PROTOCOL:
            // SQLite's answer when the locks of the write-ahead log's index were not free for 10 s.
            return .unreachable(text + "; another process holds its locks: is one stopped that uses it?")
        case SQLITE_CANTOPEN, SQLITE_IOERR:
            return .unreachable(text + "; check the disk")
        default: return .internal(text)
        }
    }
}
