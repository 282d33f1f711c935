import CSQLite
import Glibc
import PluginKit

/// A connection to the database, with the statements that the keystore needs. Used by one thread at a time.
final class Connection: @unchecked Sendable {
    // `@unchecked Sendable` holds because a connection is handed from thread to thread by locks: the writer's `TimedLock` and
    // the `Lock` of the pool of readers.
    private var connection: OpaquePointer?
    private var statements: [StaticStringKey: OpaquePointer] = [:]
    private let vfs: DeadlineVFS
    /// The deadline of the call that uses the connection, which SQLite's handlers ask for.
    private var deadline: Deadline {
        get { vfs.deadline }
        set { vfs.deadline = newValue }
    }

    /// Opens the file, which must exist, and sets what holds for every connection. Nothing of the file is read.
    init(_ path: String, _ deadline: Deadline) throws(SQLiteError) {
        vfs = try DeadlineVFS(deadline)
        // No mutex of SQLite's own: see above.
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE
        let result = vfs.open(path, &connection, flags)
        guard result == SQLITE_OK else {
            let error = SQLiteError(result, connection: connection)
            sqlite3_close_v2(connection)
            connection = nil
            throw error
        }
        // The handlers run inside calls that are made on this object, so it is alive.
        let context = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_busy_handler(connection, { context, attempt in Connection.from(context)?.waitWhenBusy(attempt) ?? 0 }, context)
        sqlite3_progress_handler(connection, 10_000, { Connection.from($0)?.deadline.hasPassed ?? true ? 1 : 0 }, context)
        keswick_sqlite_switch(connection, SQLITE_DBCONFIG_DEFENSIVE, 1)
        keswick_sqlite_switch(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    }

    /// Opens a connection that only reads, to a file that has been checked, and that writes nothing when it is closed either.
    convenience init(reading path: String, _ deadline: Deadline) throws(SQLiteError) {
        try self.init(path, deadline)
        setCheckpointOnClose(false)
        try execute("PRAGMA query_only = ON")
    }

    deinit { close() }

    /// Closes the connection. The last one to a database moves the write-ahead log into its file.
    func close() {
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        sqlite3_close_v2(connection)
        connection = nil
    }

    // MARK: The keystore's statements

    /// - Throws: an error that `isConstraint` when the name is taken.
    func insert(_ name: KeyName, _ value: UnsafeRawBufferPointer, _ deadline: Deadline) throws(SQLiteError) {
        try run("INSERT INTO entry (name, value, checksum) VALUES (?1, ?2, ?3)", deadline, texts: [name.text]) { statement in
            sqlite3_bind_int64(statement, 3, Int64(Checksum.of(name, value)))
            // No destructor: SQLite uses the caller's bytes, and `run` takes them from it before it returns. A null pointer
            // would be bound as NULL instead of as an empty value.
            sqlite3_bind_blob(statement, 2, value.baseAddress ?? UnsafeRawPointer(bitPattern: 1), Int32(value.count), nil)
        } row: { _ in
        }
    }

    enum Selected {
        case absent
        case value(SecretValue)
        /// Not a value of the type and size that a keystore stores.
        case foreign
        /// Not the value that was stored.
        case damaged
    }

    func select(_ name: KeyName, _ deadline: Deadline) throws(SQLiteError) -> Selected {
        var selected = Selected.absent
        try run("SELECT value, checksum FROM entry WHERE name = ?1", deadline, texts: [name.text]) { statement in
            let count = Int(sqlite3_column_bytes(statement, 0))
            guard sqlite3_column_type(statement, 0) == SQLITE_BLOB, count <= Int(KESWICK_VALUE_MAX) else {
                selected = .foreign
                return
            }
            // Valid until the next step; a null pointer for an empty value.
            let bytes = UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, 0), count: count)
            // What the first version of the format has stored has none.
            let isWhole =
                sqlite3_column_type(statement, 1) == SQLITE_NULL
                || sqlite3_column_int64(statement, 1) == Int64(Checksum.of(name, bytes))
            selected = isWhole ? .value(SecretValue(copying: bytes.bytes)) : .damaged
        }
        return selected
    }

    /// Whether there was something to delete.
    func delete(_ name: KeyName, _ deadline: Deadline) throws(SQLiteError) -> Bool {
        try run("DELETE FROM entry WHERE name = ?1", deadline, texts: [name.text]) { _ in }
        return sqlite3_changes(connection) > 0
    }

    /// The first `limit` names from `lowest` on that are less than `bound`; nothing when there is one that is not a name.
    func names(from lowest: String, to bound: String, limit: Int, _ deadline: Deadline) throws(SQLiteError) -> [KeyName]? {
        var names: [KeyName] = []
        var isForeign = false
        let query: StaticString = "SELECT name FROM entry WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT ?3"
        try run(query, deadline, texts: [lowest, bound]) { statement in
            sqlite3_bind_int64(statement, 3, Int64(limit))
        } row: { statement in
            let bytes = UnsafeRawBufferPointer(
                start: sqlite3_column_text(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))
            if let name = KeyName(bytes: bytes) { names.append(name) } else { isForeign = true }
        }
        return isForeign ? nil : names
    }

    /// Commits a transaction that writes one page and changes nothing.
    func overwriteLogEnd(_ deadline: Deadline) throws(SQLiteError) {
        self.deadline = deadline
        try execute(DatabaseFormat.setUserVersion)
    }

    /// Moves the write-ahead log into the file that the connection has open, and empties it. Does nothing by a file's name.
    ///
    /// - Throws: `SQLITE_BUSY` when somebody else needs the log.
    func emptyLog(_ deadline: Deadline) throws(SQLiteError) {
        let result = try query("PRAGMA wal_checkpoint(TRUNCATE)", deadline)
        guard result.first?.first == "0" else { throw SQLiteError(SQLITE_BUSY, "another process uses its write-ahead log") }
    }

    // MARK: Running statements

    /// Runs statements that give no rows.
    func execute(_ text: String) throws(SQLiteError) { try check(sqlite3_exec(connection, text, nil, nil, nil)) }

    /// Runs one statement and gives all columns of all rows as text.
    func query(_ text: String, _ deadline: Deadline) throws(SQLiteError) -> [[String]] {
        self.deadline = deadline
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(connection, text, -1, &statement, nil))
        defer { sqlite3_finalize(statement) }
        var rows: [[String]] = []
        while true {
            let result = sqlite3_step(statement)
            guard result == SQLITE_ROW else {
                guard result == SQLITE_DONE else { throw SQLiteError(result, connection: connection) }
                return rows
            }
            rows.append(
                (0..<sqlite3_column_count(statement)).map { column in
                    sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
                })
        }
    }

    /// Whether closing the last connection moves the write-ahead log into the file.
    func setCheckpointOnClose(_ on: Bool) { keswick_sqlite_switch(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on ? 0 : 1) }

    /// Runs one of the keystore's statements, which is prepared once.
    private func run(
        _ text: StaticString, _ deadline: Deadline, texts: [String], bind: (OpaquePointer) -> Void = { _ in },
        row: (OpaquePointer) -> Void
    ) throws(SQLiteError) {
        self.deadline = deadline
        let statement = try prepared(text)
        defer {
            // Ends the statement's transaction if it is still open, and lets go of the caller's bytes.
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, text) in texts.enumerated() {
            // SQLITE_TRANSIENT: SQLite makes a copy before the call returns.
            try check(sqlite3_bind_text(statement, Int32(index + 1), text, Int32(text.utf8.count), Connection.transient))
        }
        bind(statement)
        var result = sqlite3_step(statement)
        while result == SQLITE_ROW {
            row(statement)
            result = sqlite3_step(statement)
        }
        guard result == SQLITE_DONE else { throw SQLiteError(result, connection: connection) }
    }

    /// `SQLITE_TRANSIENT`: minus one as a pointer to a function, which SQLite compares and never calls.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    private func prepared(_ text: StaticString) throws(SQLiteError) -> OpaquePointer {
        let key = StaticStringKey(address: text.utf8Start)
        if let statement = statements[key] { return statement }
        var statement: OpaquePointer?
        try check(
            sqlite3_prepare_v3(
                connection, UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), -1,
                UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil))
        guard let statement else { throw SQLiteError(SQLITE_INTERNAL, "a statement without text") }
        statements[key] = statement
        return statement
    }

    /// A literal is told by its address: each function above has one.
    private struct StaticStringKey: Hashable {
        let address: UnsafePointer<UInt8>
    }

    private func check(_ result: Int32) throws(SQLiteError) {
        guard result == SQLITE_OK else { throw SQLiteError(result, connection: connection) }
    }

    // MARK: Handlers

    private static func from(_ context: UnsafeMutableRawPointer?) -> Connection? {
        // The context is the connection that the handler was installed for.
        context.map { Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Called when another process or connection holds a lock: waits a little and says whether to try again.
    private func waitWhenBusy(_ attempt: Int32) -> Int32 {
        guard !deadline.hasPassed else { return 0 }
        // 0.1 ms at first, 5 ms at most: a commit takes a millisecond or some.
        _ = vfs.sleep(min(100 * (attempt + 1), 5000))
        return 1
    }
}
