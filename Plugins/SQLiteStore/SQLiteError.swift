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
        let cause = systemError == 0 ? message : "\(message) (\(KeystoreError.systemText(systemError)))"
        let text = "cannot \(action) the database \(path): \(cause)"
        switch primaryCode {
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_INTERRUPT:
            return KeystoreError(.timeout, text + "; the deadline passed, possibly because another process holds the database")
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT, SQLITE_MISMATCH, SQLITE_SCHEMA:
            return .corrupt(text + "; restore it from a backup")
        case SQLITE_PERM, SQLITE_AUTH, SQLITE_READONLY:
            return failure(text, of: systemError == EROFS ? EROFS : EACCES)
        case SQLITE_FULL:
            return failure(text, of: ENOSPC)
        case SQLITE_PROTOCOL:
            // SQLite's answer when the locks of the write-ahead log's index were not free for 10 s, or until the deadline. A lock that
            // could not be given back, because the system call failed, stays taken until the process ends.
            return .unreachable(text + "; its locks are taken: is a process stopped that uses it? If none is, restart the server")
        case SQLITE_CANTOPEN, SQLITE_IOERR:
            return failure(text, of: systemError)
        default: return .internal(text)
        }
    }

    /// The failure that an `errno` stands for; one that says nothing counts as the disk's.
    private func failure(_ text: String, of code: Int32) -> KeystoreError {
        let (kind, help) = KeystoreError.remedy(for: code) ?? (.unreachable, "check the disk")
        return KeystoreError(kind, "\(text); \(help)")
    }
}
