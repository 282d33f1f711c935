import CSQLite
import Glibc
import PluginKit

/// The library's entry point.
#if compiler(>=6.3)
@c(keswick_keystore_plugin)
#else
@_cdecl("keswick_keystore_plugin")
#endif
public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(SQLiteStore.self) }

/// Keeps values in one SQLite database: `{path: FILE}`.
///
/// Threads: one connection writes, behind a lock whose waiters honour their deadlines; SQLite has one writer at a time anyway.
/// Reads take a connection from a pool, so that none waits for a write's fsync. Processes: SQLite's own locks.
final class SQLiteStore: Keystore {
    static let name: StaticString = "sqlite"
    static let version: StaticString = "1.0.0"
    static let capabilities: Capabilities = .durable
    static let configurationMembers = ["path"]

    /// Readers that are kept while nobody needs them.
    private static let idleReaders = 4

    private let file: DatabaseFile
    private let log: HostLog
    private let writer: TimedLock<Connection>
    private let readers = Lock<[Connection]>([])

    init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError) {
        let path = try configuration.string("path")
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .invalid("`path` must name the database's file") }
        WipingAllocator.install(log: log)
        let (file, connection) = try DatabaseFile.open(path, log: log, deadline: deadline)
        self.file = file
        self.log = log
        writer = TimedLock(connection)
    }

    func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError) {
        // A RawSpan cannot be captured by a closure; its bytes stay valid until this function returns.
        let value = value.withUnsafeBytes { $0 }
        try writer.withLock(until: deadline) { connection throws(KeystoreError) in
            try file.checkIdentity()
            do throws(SQLiteError) {
                try connection.insert(name, value, deadline)
            } catch {
                guard !error.isConstraint else { throw .exists }
                throw undo(error, "store `\(name)` in", connection, deadline, or: SQLiteStore.storedNevertheless)
            }
            // What is committed stays, unless it is known to be in a file that the next start does not open. Should that be put back,
            // a key must not be found in it that was not answered.
            guard let replacement = try? file.replacement() else { return }
            guard (try? connection.delete(name, Deadline(after: min(deadline.remaining, .seconds(1))))) == true else {
                throw replacement.adding(SQLiteStore.storedNevertheless)
            }
            throw replacement
        }
    }

    func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue {
        let value = try read("read `\(name)` from", deadline) { connection throws(SQLiteError) in
            try connection.select(name, deadline)
        }
        switch value {
        case .absent: throw .notFound
        case .value(let value): return value
        case .foreign:
            throw .corrupt("what \(file.path) holds under `\(name)` is no value that Keswick stored: restore it from a backup")
        case .damaged:
            throw .corrupt(
                "what \(file.path) holds under `\(name)` is damaged, and not what was stored: restore it from a backup")
        }
    }

    func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError) {
        let deleted = try writer.withLock(until: deadline) { connection throws(KeystoreError) in
            try file.checkIdentity()
            let deleted: Bool
            do throws(SQLiteError) {
                deleted = try connection.delete(name, deadline)
            } catch {
                throw undo(error, "delete `\(name)` from", connection, deadline, or: SQLiteStore.deletedNevertheless)
            }
            if let replacement = try? file.replacement() { throw replacement.adding(SQLiteStore.deletedNevertheless) }
            return deleted
        }
        guard deleted else { throw .notFound }
    }

    func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName] {
        // The characters of a name lie between U+0001 and U+007F: the first is less, the last greater than any of them.
        let lowest = after.isEmpty ? prefix : max(prefix, after + "\u{1}")
        let names = try read("list", deadline) { connection throws(SQLiteError) in
            try connection.names(from: lowest, to: prefix + "\u{7F}", limit: limit, deadline)
        }
        guard let names else { throw .corrupt("\(file.path) holds a name that Keswick never stores: restore it from a backup") }
        return names
    }

    func status(deadline: Deadline) throws(KeystoreError) {
        _ = try read("read", deadline) { connection throws(SQLiteError) in
            try connection.names(from: "", to: "\u{7F}", limit: 1, deadline)
        }
    }

    func close() {
        readers.withLock { $0.removeAll() }
        file.close(writer.value, log: log)
    }

    private static let storedNevertheless = "The key may have been stored nevertheless"
    private static let deletedNevertheless = "The key may have been deleted nevertheless"

    /// The error of a write that failed.
    ///
    /// A commit that failed at its fsync may have left a whole transaction at the end of the write-ahead log. No connection sees it,
    /// but a recovery after a crash would. The next commit overwrites it: one is made now.
    ///
    /// - Parameter otherwise: what the error says when that failed too.
    private func undo(
        _ error: SQLiteError, _ action: String, _ connection: Connection, _ deadline: Deadline, or otherwise: String
    ) -> KeystoreError {
        let failure = error.keystoreError(action, file.path)
        guard error.isInputOutput, (try? connection.overwriteLogEnd(deadline)) == nil else { return failure }
        return failure.adding(otherwise)
    }

    /// Lends a reading connection to `body`.
    private func read<Result>(
        _ action: String, _ deadline: Deadline, _ body: (Connection) throws(SQLiteError) -> Result
    ) throws(KeystoreError) -> Result {
        try file.checkIdentity()
        func attempt<Value>(_ body: () throws(SQLiteError) -> Value) throws(KeystoreError) -> Value {
            do throws(SQLiteError) { return try body() } catch { throw error.keystoreError(action, file.path) }
        }
        let connection: Connection
        if let idle = readers.withLock({ $0.popLast() }) {
            connection = idle
        } else {
            connection = try attempt { () throws(SQLiteError) in try Connection(reading: file.path, deadline) }
            // It may be one to another file. Then it is dropped, before it has read anything, for which it would open the log.
            try file.checkIdentity()
        }
        let result = try attempt { () throws(SQLiteError) in try body(connection) }
        // A connection that failed is closed instead: nothing that broke it is met again.
        readers.withLock { if $0.count < SQLiteStore.idleReaders { $0.append(connection) } }
        return result
    }
}
