import CSQLite
import PluginKit

/// What a database of this keystore looks like.
enum DatabaseFormat {
    /// The header's `application_id`: "KESW". Tells our databases from those of other programs.
    static let applicationID: UInt32 = 0x4B45_5357
    /// The header's `user_version`: the version of the schema.
    static let userVersion: UInt32 = 2
    /// Sets `user_version` to what it is.
    static let setUserVersion = "PRAGMA user_version = \(userVersion)"
    /// The one table. Names are compared by their bytes (BINARY, the default). Without a rowid, the table is one B-tree in the
    /// order of the names, so that a list is one walk along its leaves.
    static let schema = "CREATE TABLE entry (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER) WITHOUT ROWID"
    /// The table of version 1, which had no check sums, and what makes it the other, to the letter.
    private static let firstSchema = "CREATE TABLE entry (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
    private static let addChecksum = "ALTER TABLE entry ADD COLUMN checksum INTEGER"
    private static let versions = 1...userVersion

    /// Whether a database is one of ours. The newest of the header's numbers may be in the write-ahead log.
    static func isKnown(_ connection: Connection, _ deadline: Deadline) throws(SQLiteError) -> Bool {
        let numbers = try connection.query("SELECT * FROM pragma_application_id, pragma_user_version", deadline)
        let tables = try tables(connection, deadline)
        return versions.contains { numbers == [["\(applicationID)", "\($0)"]] }
            && (tables == [[schema]] || tables == [[firstSchema]])
    }

    /// Makes a database of version 1 one of this version, whole or not at all. What it holds gets no check sums.
    ///
    /// - Returns: Whether it was one of version 1, and is none any more.
    static func upgrade(_ connection: Connection, _ deadline: Deadline) throws(SQLiteError) -> Bool {
        guard try connection.query("PRAGMA user_version", deadline) != [["\(userVersion)"]] else { return false }
        try connection.execute("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            // Another process may have done it by now.
            let isFirst = try tables(connection, deadline) == [[firstSchema]]
            if isFirst { try connection.execute(addChecksum) }
            try connection.execute("\(setUserVersion); COMMIT")
            return isFirst
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }

    private static func tables(_ connection: Connection, _ deadline: Deadline) throws(SQLiteError) -> [[String]] {
        try connection.query("SELECT sql FROM sqlite_schema", deadline)
    }

    /// The bytes of an empty database in WAL mode.
    static func emptyDatabase() throws(SQLiteError) -> [UInt8] {
        var connection: OpaquePointer?
        defer { sqlite3_close_v2(connection) }
        func check(_ result: Int32) throws(SQLiteError) {
            guard result == SQLITE_OK else { throw SQLiteError(result, connection: connection) }
        }
        try check(sqlite3_open_v2(":memory:", &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil))
        let script = "PRAGMA page_size = 4096; \(schema); PRAGMA application_id = \(applicationID); \(setUserVersion);"
        try check(sqlite3_exec(connection, script, nil, nil, nil))
        var size: sqlite3_int64 = 0
        guard let image = sqlite3_serialize(connection, "main", &size, 0) else {
            throw SQLiteError(SQLITE_NOMEM, connection: nil)
        }
        defer { sqlite3_free(image) }
        var bytes = Array(UnsafeBufferPointer(start: image, count: Int(size)))
        // File format versions 2, "WAL" (SQLite's file format, section 1.3.3). An in-memory database cannot be set to it.
        bytes[18] = 2
        bytes[19] = 2
        return bytes
    }

    /// Says what is wrong with the first bytes of a file, if they are not those of a database of ours.
    static func defect(header: [UInt8]) -> String? {
        guard header.count == headerSize, header.starts(with: "SQLite format 3\0".utf8) else {
            return header.isEmpty ? "it is empty" : "it is not an SQLite database"
        }
        // Another version than those of a rollback journal and of a log would be changed by opening the file (section 1.3.3).
        guard header[18...19].allSatisfy({ (1...2).contains($0) }) else { return "its header is damaged" }
        let (version, application) = (number(header, at: 60), number(header, at: 68))
        guard application == applicationID else { return "it is a database of another program (application_id \(application))" }
        guard versions.contains(version) else {
            return "its schema has version \(version), and this plugin knows those up to \(userVersion) only"
        }
        return nil
    }

    /// Whether a header without defects is that of a database in WAL mode: its "read version".
    static func isInLogMode(header: [UInt8]) -> Bool { header[19] == 2 }

    /// The size of the header (SQLite's file format, section 1.3).
    static let headerSize = 100

    private static func number(_ header: [UInt8], at offset: Int) -> UInt32 {
        header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
