import CSQLite
import Foundation
import PluginAPI
import Testing

/// One database under two names, by a hard link: each name has a write-ahead log of its own, so that two who use it at the same time
/// would lose what the other stores.
@Suite struct SQLiteNamesTests {
    private func configuration(_ path: String) -> String { #"{"path":"\#(path)"}"# }

    /// A store with two names, `keys.db` and `other.db`, that was closed and holds the key `old`.
    private func makeStore() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(inMemory: true)
        try OpenKeystore(.sqlite, in: directory).create("old", [1])
        #expect(link(directory.path + "/keys.db", directory.path + "/other.db") == 0)
        return directory
    }

    @Test func databaseThatAnotherProcessHasOpenByAnotherNameIsRefused() throws {
        let directory = try makeStore()
        let other = configuration(directory.path + "/other.db")
        let driver = try Driver(
            .sqlite, configuration: Backend.sqlite.configuration(in: directory),
            ["open", "creates:a-:20:400", "wait", "creates:b-:20:400", "close"])
        try driver.expectLine("waiting")
        let before = try directory.read("other.db")
        let failure = try failure { _ = try OpenKeystore(.sqlite, configuration: other, timeout: .milliseconds(300)) }
        #expect(failure.result == KESWICK_UNREACHABLE)
        #expect(
            failure.message.contains("another process (\(driver.processIdentifier)) has the database \(directory.path)/other.db")
                && failure.message.contains("by another name") && failure.message.contains("the same `path`"), "\(failure)")
        #expect(try directory.read("other.db") == before)
        #expect(try directory.entries() == ["keys.db", "keys.db-shm", "keys.db-wal", "other.db"])
        // By the same name it can be shared.
        #expect(try OpenKeystore(.sqlite, in: directory).list().count == 21)
        driver.resume()
        #expect(driver.remainingLines().count { $0.hasPrefix("create b-") && $0.hasSuffix(" 0") } == 20)
        #expect(driver.waitForEnd() == .exited(0))
        // Nobody has it open any more: a backup of hard links does not keep a server from starting.
        for file in ["other.db", "keys.db"] {
            let store = try OpenKeystore(.sqlite, configuration: configuration(directory.path + "/" + file))
            #expect(try store.list().count == 41)
            #expect(store.logLines.contains { $0.contains("\(directory.path)/\(file) has another name, a hard link") })
        }
    }

    @Test func databaseThatThisProcessHasOpenByAnotherNameIsRefused() throws {
        let directory = try makeStore()
        let other = configuration(directory.path + "/other.db")
        let store = try OpenKeystore(.sqlite, in: directory)
        try store.create("new", [2])
        let failure = try failure { _ = try OpenKeystore(.sqlite, configuration: other) }
        #expect(failure.result == KESWICK_INVALID)
        #expect(failure.message.contains("other.db is another name of \(directory.path)/keys.db"), "\(failure)")
        #expect(try store.list() == ["new", "old"])
        // The locks are still there: another process is refused as before.
        let lines = try Driver.run(.sqlite, configuration: other, ["limit:300", "open"]).lines
        #expect(lines.last == "open \(KESWICK_UNREACHABLE)", "\(lines)")
    }

    /// One stops before an I/O call of its open, and the other opens it by the other name meanwhile: one at least gives up.
    @Test func ofOpensByTwoNamesAtTheSameMomentNotBothSucceed() throws {
        var outcomes = Set<String>()
        var isStopped = true
        // Not at each call, since every one that gives up waits a while before.
        for call in stride(from: 1, through: 1000, by: 3) where isStopped {
            let directory = try makeStore()
            let first = try Driver(
                .sqlite, configuration: Backend.sqlite.configuration(in: directory),
                ["limit:600", "arm:\(call):wait", "open", "count", "create:first:400"])
            var line = first.nextLine()
            while let read = line, read != "waiting", !read.hasPrefix("count ") { line = first.nextLine() }
            isStopped = line == "waiting"
            guard isStopped else { break }
            let second = try Driver(
                .sqlite, configuration: configuration(directory.path + "/other.db"),
                ["limit:200", "open", "create:second:900", "wait"])
            // It keeps the database open if it has opened it.
            var others: [String] = []
            while others.last != "waiting", let line = second.nextLine() { others.append(line) }
            first.resume()
            let lines = first.remainingLines()
            _ = first.waitForEnd()
            if others.last == "waiting" { second.resume() }
            _ = second.waitForEnd()
            let opened = (lines.contains("open 0"), others.contains("open 0"))
            #expect(opened != (true, true), "stopped at call \(call): \(lines), \(others)")
            outcomes.insert("\(opened)")
            // Neither closed the keystore, as if killed: the log of the one that was in is still there.
            let name = opened.1 ? "other.db" : "keys.db"
            let expected =
                ["old"] + (lines.contains("create first 0") ? ["first"] : [])
                + (others.contains("create second 0") ? ["second"] : [])
            let store = try OpenKeystore(.sqlite, configuration: configuration(directory.path + "/" + name))
            #expect(try store.list() == expected.sorted(), "stopped at call \(call): \(lines), \(others)")
        }
        #expect(outcomes.isSuperset(of: ["(true, false)", "(false, true)"]))
    }

    /// Without a log, in the mode of a rollback journal, a lock on the database alone is a reader's.
    @Test func aReaderOfADatabaseWithoutALogIsWaitedFor() throws {
        let directory = try makeStore()
        let path = directory.path + "/keys.db"
        var connection: OpaquePointer?
        #expect(sqlite3_open(path, &connection) == SQLITE_OK)
        #expect(sqlite3_exec(connection, "PRAGMA journal_mode = DELETE", nil, nil, nil) == SQLITE_OK)
        sqlite3_close(connection)
        // A lock of the open file, which counts for this process too: that of SQLite's readers.
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        var lock = flock()
        lock.l_type = Int16(F_RDLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 0x4000_0002
        lock.l_len = 510
        // F_OFD_SETLK, which Swift's Glibc module lacks.
        #expect(fcntl(descriptor, 37, &lock) == 0)
        let failure = try failure {
            _ = try OpenKeystore(.sqlite, configuration: configuration(path), timeout: .milliseconds(300))
        }
        #expect(failure.result == KESWICK_TIMEOUT && failure.message.contains("another process holds the database"), "\(failure)")
        close(descriptor)
        #expect(try OpenKeystore(.sqlite, in: directory).list() == ["old"])
    }
}
