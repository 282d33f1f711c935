import CSQLite
import Foundation
import PluginAPI
import Testing

/// The check sums of values, and databases of the format that had none.
@Suite struct SQLiteChecksumTests {
    private let value = [UInt8].driverValue(size: 150)

    /// Runs SQL on `keys.db`, past the keystore, and gives the first column of the first row.
    @discardableResult
    private func query(_ sql: String, in directory: borrowing TemporaryDirectory) throws -> String {
        try OwnSQLite.prepare()
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        var text = ""
        let path = directory.path + "/keys.db"
        let visit: sqlite3_callback = { context, count, columns, _ in
            guard count > 0, let column = columns?[0] else { return 0 }
            context?.assumingMemoryBound(to: String.self).pointee = String(cString: column)
            return 0
        }
        guard sqlite3_open(path, &connection) == SQLITE_OK,
            withUnsafeMutablePointer(to: &text, { sqlite3_exec(connection, sql, visit, $0, nil) }) == SQLITE_OK
        else {
            throw TestFailure(String(cString: sqlite3_errmsg(connection)))
        }
        return text
    }

    /// A database of version 1 with the keys `old-0` and `old-1`, as that version left it.
    private func makeFirstVersion() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(inMemory: true)
        let hex = value.map { String(format: "%02x", $0) }.joined()
        try query(
            """
            PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;
            CREATE TABLE entry (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
            PRAGMA application_id = 0x4B455357; PRAGMA user_version = 1;
            INSERT INTO entry VALUES ('old-0', x'\(hex)'), ('old-1', x'\(hex)');
            """, in: directory)
        #expect(chmod(directory.path + "/keys.db", 0o600) == 0)
        return directory
    }

    /// CRC-32C bit by bit, as RFC 3720 defines it.
    private func crc(_ bytes: [UInt8]) -> UInt32 {
        var remainder = UInt32.max
        for bit in bytes.flatMap({ byte in (0..<8).map { byte >> $0 & 1 } }) {
            let isOdd = remainder & 1 != UInt32(bit)
            remainder >>= 1
            if isOdd { remainder ^= 0x82F6_3B78 }
        }
        return ~remainder
    }

    @Test func aCheckSumIsStoredWithEachValue() throws {
        #expect(crc(Array("123456789".utf8)) == 0xE306_9283)
        let directory = try TemporaryDirectory(inMemory: true)
        try OpenKeystore(.sqlite, in: directory).create("key", value)
        #expect(try query("SELECT checksum FROM entry", in: directory) == "\(crc(Array("key".utf8) + [0] + value))")
        try OpenKeystore(.sqlite, in: directory).create("none", [])
        #expect(
            try query("SELECT checksum FROM entry WHERE name = 'none'", in: directory) == "\(crc(Array("none".utf8) + [0]))")
        #expect(try OpenKeystore(.sqlite, in: directory).get("none") == [])
    }

    @Test func aWrongBitInAValueIsFound() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        do {
            let store = try OpenKeystore(.sqlite, in: directory)
            try store.create("damaged", value)
            try store.create("whole", [1, 2, 3])
        }
        let whole = try directory.read("keys.db")
        let place = try #require(Data(whole).range(of: Data(value)))
        for index in place {
            var changed = whole
            changed[index] ^= 1 << (index % 8)
            try directory.write(changed, to: "keys.db")
            let store = try OpenKeystore(.sqlite, in: directory)
            let failure = try failure { _ = try store.get("damaged") }
            #expect(failure.result == KESWICK_CORRUPT)
            #expect(
                failure.message.contains("holds under `damaged` is damaged") && failure.message.contains("restore it"),
                "\(failure)")
            #expect(try store.get("whole") == [1, 2, 3])
            #expect(try store.list() == ["damaged", "whole"])
        }
        // One that is another key's.
        try directory.write(whole, to: "keys.db")
        try query("UPDATE entry SET (value, checksum) = (SELECT value, checksum FROM entry WHERE name = 'whole')", in: directory)
        #expect(try result { _ = try OpenKeystore(.sqlite, in: directory).get("damaged") } == KESWICK_CORRUPT)
        // The way out: what is damaged can be replaced.
        let store = try OpenKeystore(.sqlite, in: directory)
        try store.delete("damaged")
        try store.create("damaged", value)
        #expect(try store.get("damaged") == value)
    }

    @Test func aDatabaseWithoutCheckSumsGetsThem() throws {
        let directory = try makeFirstVersion()
        do {
            let store = try OpenKeystore(.sqlite, in: directory)
            #expect(store.logLines.contains { $0.contains("older versions of this keystore cannot open it any more") })
            #expect(try store.list() == ["old-0", "old-1"])
            #expect(try store.get("old-1") == value)
            try store.create("new", value)
        }
        #expect(try query("PRAGMA user_version", in: directory) == "2")
        #expect(try query("SELECT group_concat(name) FROM entry WHERE checksum IS NOT NULL", in: directory) == "new")
        // An older server that still ran has told its version.
        try query("PRAGMA user_version = 1", in: directory)
        #expect(try OpenKeystore(.sqlite, in: directory).get("old-0") == value)
        #expect(try query("PRAGMA user_version", in: directory) == "2")
    }

    @Test(arguments: ["kill", "\(EIO)", "\(ENOSPC)+"])
    func whatGoesWrongMeanwhileLosesNothing(fault: String) throws {
        var (call, isMet) = (0, true)
        while isMet {
            call += 1
            let directory = try makeFirstVersion()
            let (lines, end) = try Driver.run(
                .sqlite, configuration: Backend.sqlite.configuration(in: directory),
                ["limit:100", "arm:\(call):\(fault)", "open", "count"])
            let count = lines.last.flatMap { $0.hasPrefix("count ") ? Int($0.dropFirst(6)) : nil } ?? 0
            isMet = fault == "kill" ? end == .killed(SIGKILL) : !lines.contains("open 0") || call <= count
            let store = try OpenKeystore(.sqlite, in: directory)
            #expect(try store.list() == ["old-0", "old-1"], "\(fault) at call \(call)")
            for name in try store.list() { #expect(try store.get(name) == value, "\(fault) at call \(call)") }
            try store.create("new", value)
            #expect(try store.get("new") == value)
        }
        #expect(call > 10)
    }

    @Test func severalProcessesMayOpenItAtTheSameMoment() throws {
        let directory = try makeFirstVersion()
        let pattern = #"{"path":"\#(directory.path)/@"}"#
        let drivers = try (0..<6).map { _ in
            try Driver(.sqlite, configuration: pattern, ["wait", "tryopen:keys.db", "tryopen:keys.db"])
        }
        for driver in drivers { try driver.expectLine("waiting") }
        for driver in drivers { driver.resume() }
        let lines = drivers.map { $0.remainingLines() }
        for lines in lines { #expect(lines.filter { !$0.hasPrefix("log ") } == ["open keys.db 0", "open keys.db 0"]) }
        // By the one that changed it.
        #expect(lines.joined().count { $0.contains("older versions of this keystore cannot open it any more") } == 1)
        #expect(try OpenKeystore(.sqlite, in: directory).get("old-0") == value)
    }
}
