import CSQLite
import Foundation
import PluginAPI
import Testing

/// What is SQLiteStore's own: the file, and who may share it.
@Suite struct SQLiteStoreTests {
    private func configuration(_ file: String) -> String { #"{"path":"\#(file)"}"# }

    /// Runs SQL on a database file, past the keystore.
    private func execute(_ sql: String, _ path: String) throws {
        try OwnSQLite.prepare()
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        guard sqlite3_open(path, &connection) == SQLITE_OK, sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else {
            throw TestFailure(String(cString: sqlite3_errmsg(connection)))
        }
    }

    /// A store with some entries, closed.
    private func fill(_ directory: borrowing TemporaryDirectory, count: Int = 200) throws {
        let store = try OpenKeystore(.sqlite, in: directory)
        for index in 0..<count { try store.create("key-\(index)", .driverValue(size: 300)) }
    }

    /// Expects that the file is refused as CORRUPT and that nothing in the directory changes.
    private func expectRefusal(_ directory: borrowing TemporaryDirectory, _ reason: String = "") throws {
        let path = directory.path + "/keys.db"
        let (before, entries) = (try directory.read("keys.db"), try directory.entries())
        for _ in 0..<2 {
            let failure = try failure { _ = try OpenKeystore(.sqlite, in: directory) }
            #expect(failure.result == KESWICK_CORRUPT, "\(failure)")
            #expect(failure.message.contains(path) && (reason.isEmpty || failure.message.contains(reason)), "\(failure)")
            #expect(try directory.read("keys.db") == before)
            #expect(try directory.entries() == entries)
        }
    }

    @Test func newFileBelongsToItsOwnerOnlyAndIsMarkedAsOurs() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.sqlite, in: directory)
        try store.create("key", [1])
        #expect(try directory.entries() == ["keys.db", "keys.db-shm", "keys.db-wal"])
        for file in try directory.entries() { #expect(try directory.mode(file) == 0o600, "\(file)") }
        let header = try directory.read("keys.db")
        #expect(Array(header[68..<72]) == Array("KESW".utf8))
        #expect(Array(header[60..<64]) == [0, 0, 0, 2])
    }

    @Test func closingLeavesOneFile() throws {
        let directory = try TemporaryDirectory()
        try fill(directory, count: 3)
        #expect(try directory.entries() == ["keys.db"])
    }

    /// As `VACUUM INTO` makes it.
    @Test func databaseWithoutALogGetsOne() throws {
        let directory = try TemporaryDirectory()
        try fill(directory, count: 3)
        try execute("PRAGMA journal_mode = DELETE", directory.path + "/keys.db")
        let store = try OpenKeystore(.sqlite, in: directory)
        #expect(try directory.entries() == ["keys.db", "keys.db-shm", "keys.db-wal"])
        try store.create("key", [1])
        #expect(try store.list().count == 4)
    }

    @Test func deletedValueIsOverwrittenInTheFile() throws {
        let directory = try TemporaryDirectory()
        let value = [UInt8]("a value that must not stay".utf8)
        do {
            let store = try OpenKeystore(.sqlite, in: directory)
            try store.create("key", value)
        }
        #expect(try Data(directory.read("keys.db")).range(of: Data(value)) != nil)
        try OpenKeystore(.sqlite, in: directory).delete("key")
        #expect(try Data(directory.read("keys.db")).range(of: Data(value)) == nil)
    }

    @Test func filesThatAreNoDatabasesAreRefusedAndUntouched() throws {
        let contents: [[UInt8]] = [
            [], [0], Array("hello\n".utf8), Array("SQLite format 3\0".utf8), [UInt8](repeating: 0, count: 8192),
            .driverValue(size: 10_000),
        ]
        for content in contents {
            let directory = try TemporaryDirectory()
            try directory.write(content, to: "keys.db")
            try expectRefusal(directory, "no database of this keystore")
        }
    }

    @Test func databasesOfOtherProgramsAreRefusedAndUntouched() throws {
        let scripts = [
            "CREATE TABLE entry (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
            "PRAGMA journal_mode = WAL; CREATE TABLE a (b); PRAGMA application_id = 7",
            "PRAGMA application_id = 0x4B455357; PRAGMA user_version = 3; CREATE TABLE a (b)",
        ]
        for script in scripts {
            let directory = try TemporaryDirectory()
            try execute(script, directory.path + "/keys.db")
            try expectRefusal(directory, "no database of this keystore")
        }
    }

    @Test func databaseWithOtherTablesIsRefusedAndUntouched() throws {
        for script in ["CREATE TABLE more (a)", "DROP TABLE entry", "CREATE TRIGGER t AFTER INSERT ON entry BEGIN SELECT 1; END"]
        {
            let directory = try TemporaryDirectory()
            try fill(directory, count: 3)
            try execute(script, directory.path + "/keys.db")
            try expectRefusal(directory, "tables")
        }
    }

    /// Each page in turn is overwritten; then the file is cut off.
    @Test func damagedPagesAreRefusedAndUntouched() throws {
        let directory = try TemporaryDirectory()
        try fill(directory)
        let whole = try directory.read("keys.db")
        #expect(whole.count >= 12 * 4096)
        for page in 0..<whole.count / 4096 {
            var damaged = whole
            // Behind the header of the file, which has tests of its own.
            let start = page * 4096 + (page == 0 ? 100 : 0)
            for index in start..<start + 200 { damaged[index] ^= 0xA5 }
            try directory.write(damaged, to: "keys.db")
            try expectRefusal(directory)
        }
        for length in [whole.count - 4096, 4096, 512, 100] {
            try directory.write(whole[..<length], to: "keys.db")
            try expectRefusal(directory)
        }
        try directory.write(whole, to: "keys.db")
        #expect(try OpenKeystore(.sqlite, in: directory).list().count == 200)
    }

    /// One wrong byte in a name would hide the names behind it from a search.
    @Test func namesOutOfOrderAreRefusedAndUntouched() throws {
        let directory = try TemporaryDirectory()
        try fill(directory)
        var damaged = try directory.read("keys.db")
        let name = try #require(Data(damaged).range(of: Data("key-150".utf8)))
        damaged[name.upperBound - 1] = UInt8(ascii: "z")
        try directory.write(damaged, to: "keys.db")
        try expectRefusal(directory, "damaged")
    }

    @Test func foreignRowsAreCorrupt() throws {
        let directory = try TemporaryDirectory()
        try fill(directory, count: 1)
        try execute(
            "INSERT INTO entry (name, value) VALUES ('text', 'not a blob'), ('../x', x'00'), ('large', zeroblob(1048577))",
            directory.path + "/keys.db")
        let store = try OpenKeystore(.sqlite, in: directory)
        #expect(try result { _ = try store.get("text") } == KESWICK_CORRUPT)
        #expect(try result { _ = try store.get("large") } == KESWICK_CORRUPT)
        #expect(try result { _ = try store.list() } == KESWICK_CORRUPT)
        #expect(try store.get("key-0") == .driverValue(size: 300))
    }

    @Test func whatIsNoFileIsRefused() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.path + "/sub", withIntermediateDirectories: false)
        #expect(mkfifo(directory.path + "/fifo", 0o600) == 0)
        for name in ["sub", "fifo"] {
            let failure = try failure { _ = try OpenKeystore(.sqlite, configuration: configuration(directory.path + "/" + name)) }
            #expect(failure.result == KESWICK_CORRUPT)
            #expect(failure.message.hasSuffix("is not a file"))
        }
        #expect(symlink("absent", directory.path + "/dangling") == 0)
        for name in ["dangling", "absent/keys.db", "sub/absent/keys.db"] {
            let failure = try failure { _ = try OpenKeystore(.sqlite, configuration: configuration(directory.path + "/" + name)) }
            #expect(failure.result == KESWICK_INVALID, "\(failure)")
        }
        #expect(try directory.entries() == ["dangling", "fifo", "sub"])
    }

    @Test func symbolicLinkToADatabaseIsFollowedOnce() throws {
        let directory = try TemporaryDirectory()
        try fill(directory, count: 2)
        #expect(symlink("keys.db", directory.path + "/link.db") == 0)
        let store = try OpenKeystore(.sqlite, configuration: configuration(directory.path + "/link.db"))
        #expect(unlink(directory.path + "/link.db") == 0)
        #expect(try store.list() == ["key-0", "key-1"])
        #expect(try result { try store.status() } == KESWICK_OK)
    }

    @Test func removedOrReplacedFileIsUnreachable() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.sqlite, in: directory)
        try store.create("key", [1])
        try FileManager.default.moveItem(atPath: directory.path + "/keys.db", toPath: directory.path + "/away.db")
        #expect(try result { try store.status() } == KESWICK_UNREACHABLE)
        #expect(try failure { try store.create("other", [1]) }.message.contains("removed or replaced"))
        #expect(try result { try store.delete("key") } == KESWICK_UNREACHABLE)
        try directory.write([1, 2, 3], to: "keys.db")
        #expect(try result { try store.status() } == KESWICK_UNREACHABLE)
        #expect(try directory.read("keys.db") == [1, 2, 3])
    }

    @Test func openToOthersIsLogged() throws {
        let directory = try TemporaryDirectory()
        try fill(directory, count: 1)
        #expect(chmod(directory.path + "/keys.db", 0o644) == 0)
        let store = try OpenKeystore(.sqlite, in: directory)
        #expect(store.logLines.contains { $0.contains("set its mode to 0600") })
        // Nothing is said of the mode of a file that is another's.
        let message = try failure { _ = try OpenKeystore(.sqlite, configuration: configuration("/etc/passwd")) }.message
        #expect(message.contains("no database of this keystore") && !message.contains("mode"))
    }

    @Test func aNewDatabaseIsToldOfOnce() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/keys.db"
        #expect(
            try OpenKeystore(.sqlite, in: directory).logLines == [
                "made \(path), which was not there: it holds no keys. If it should, stop the server, and mend `path` or mount the disk"
            ])
        #expect(try OpenKeystore(.sqlite, in: directory).logLines == [])
    }

    /// A writer that waits for another process gives up at its deadline, and leaves nothing.
    @Test func lockedDatabaseTimesOut() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.sqlite, in: directory)
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        #expect(sqlite3_open(directory.path + "/keys.db", &connection) == SQLITE_OK)
        #expect(sqlite3_exec(connection, "BEGIN IMMEDIATE", nil, nil, nil) == SQLITE_OK)
        #expect(try result { try store.create("key", [1], timeout: .milliseconds(50)) } == KESWICK_TIMEOUT)
        #expect(try result { try store.delete("key", timeout: .milliseconds(50)) } == KESWICK_TIMEOUT)
        // Readers do not wait for writers.
        #expect(try store.list(timeout: .milliseconds(5000)) == [])
        #expect(sqlite3_exec(connection, "ROLLBACK", nil, nil, nil) == SQLITE_OK)
        try store.create("key", [1])
    }

    @Test func leftoverOfAnInterruptedCreationIsUsedOrRemoved() throws {
        let directory = try TemporaryDirectory()
        try directory.write([1, 2, 3], to: "keys.db-creating")
        do {
            let store = try OpenKeystore(.sqlite, in: directory)
            try store.create("key", [1])
            #expect(try directory.entries() == ["keys.db", "keys.db-shm", "keys.db-wal"])
        }
        // Died between link and unlink, and, worse, the database was in use since.
        #expect(link(directory.path + "/keys.db", directory.path + "/keys.db-creating") == 0)
        #expect(try OpenKeystore(.sqlite, in: directory).list() == ["key"])
        try directory.write([1, 2, 3], to: "keys.db-creating")
        #expect(try OpenKeystore(.sqlite, in: directory).list() == ["key"])
        #expect(try directory.entries() == ["keys.db"])
        // As above, and the database's own name was removed.
        try FileManager.default.moveItem(atPath: directory.path + "/keys.db", toPath: directory.path + "/keys.db-creating")
        #expect(link(directory.path + "/keys.db-creating", directory.path + "/backup.db") == 0)
        #expect(try OpenKeystore(.sqlite, in: directory).list() == [])
        #expect(try directory.entries() == ["backup.db", "keys.db"])
        #expect(try OpenKeystore(.sqlite, configuration: configuration(directory.path + "/backup.db")).list() == ["key"])
    }
}
