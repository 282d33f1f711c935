import CSQLite
import Foundation
import PluginAPI
import PluginKit
import Testing

/// What becomes of a database, and of the one that takes its place, when somebody replaces it under an open keystore.
@Suite struct SQLiteReplacementTests {
    /// How `backup.db` comes to the place of `keys.db`.
    enum Replacement: CaseIterable {
        case copied, moved

        func apply(in directory: borrowing TemporaryDirectory) throws {
            let (database, backup) = (directory.path + "/keys.db", directory.path + "/backup.db")
            switch self {
            case .copied:
                #expect(unlink(database) == 0)
                try FileManager.default.copyItem(atPath: backup, toPath: database)
            case .moved: #expect(rename(backup, database) == 0)
            }
        }
    }

    private let value = [UInt8].driverValue(size: 400)

    private func names(_ prefix: String, _ count: Int) -> [String] { (0..<count).map { prefix + "\($0 + 1000)" } }

    /// Makes `keys.db` with the keys `a-*`, a backup of it, and the keys `b-*`, which the backup has not. Both kinds are in the log.
    private func makeStore(_ directory: borrowing TemporaryDirectory, count: Int = 400) throws -> OpenKeystore {
        let store = try OpenKeystore(.sqlite, in: directory)
        for name in names("a-", count) { try store.create(name, value) }
        try backUp(directory)
        for name in names("b-", count) { try store.create(name, value) }
        return store
    }

    /// Copies the database as `sqlite3 keys.db '.backup backup.db'` does.
    private func backUp(_ directory: borrowing TemporaryDirectory) throws {
        try OwnSQLite.prepare()
        var (source, target): (OpaquePointer?, OpaquePointer?)
        defer {
            sqlite3_close(source)
            sqlite3_close(target)
        }
        guard sqlite3_open(directory.path + "/keys.db", &source) == SQLITE_OK,
            sqlite3_open(directory.path + "/backup.db", &target) == SQLITE_OK,
            let backup = sqlite3_backup_init(target, "main", source, "main"), sqlite3_backup_step(backup, -1) == SQLITE_DONE,
            sqlite3_backup_finish(backup) == SQLITE_OK
        else { throw TestFailure("no backup: \(String(cString: sqlite3_errmsg(target)))") }
    }

    private func expectKeys(_ names: [String], in store: OpenKeystore) throws {
        #expect(try store.list() == names)
        for name in names { #expect(try store.get(name) == value) }
    }

    @Test(arguments: Replacement.allCases)
    func backupThatIsPutInPlaceUnderARunningServerStaysAsItIsAndIsWhole(replacement: Replacement) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let backup: [UInt8]
        do {
            let store = try makeStore(directory)
            backup = try directory.read("backup.db")
            try replacement.apply(in: directory)
            for call in [
                { _ = try store.get("a-1000") }, { _ = try store.list() }, { try store.status() }, { try store.create("c", [1]) },
                { try store.delete("a-1000") },
            ] as [() throws -> Void] {
                let failure = try failure(call)
                #expect(failure.result == KESWICK_UNREACHABLE)
                let remedy =
                    "stop the server, remove \(directory.path)/keys.db-wal and \(directory.path)/keys.db-shm, put the database"
                #expect(failure.message.contains(remedy), "\(failure)")
            }
            #expect(try directory.read("keys.db") == backup)
        }
        #expect(try directory.read("keys.db") == backup)
        #expect(try directory.entries() == (replacement == .copied ? ["backup.db", "keys.db"] : ["keys.db"]))
        try expectKeys(names("a-", 400), in: OpenKeystore(.sqlite, in: directory))
    }

    /// Each reader needs a connection of its own, and many are opened just then.
    @Test(arguments: Replacement.allCases)
    func readsWhileTheDatabaseIsReplacedNeverMixTheTwo(replacement: Replacement) throws {
        for _ in 0..<5 {
            let directory = try TemporaryDirectory(inMemory: true)
            let path = directory.path
            let backup: [UInt8]
            do {
                let store = try makeStore(directory, count: 60)
                backup = try directory.read("backup.db")
                let results = Lock<Set<Int32>>([])
                let value = value
                // One replaces, the others read.
                DispatchQueue.concurrentPerform(iterations: 300) { index in
                    do {
                        if index == 20 {
                            switch replacement {
                            case .copied:
                                // Whole under its name at once.
                                try FileManager.default.copyItem(atPath: path + "/backup.db", toPath: path + "/copy.db")
                                #expect(rename(path + "/copy.db", path + "/keys.db") == 0)
                            case .moved: #expect(rename(path + "/backup.db", path + "/keys.db") == 0)
                            }
                        } else {
                            let result = try result { () throws in #expect(try store.get("b-10\(10 + index % 50)") == value) }
                            results.withLock { _ = $0.insert(result) }
                        }
                    } catch { Issue.record(error) }
                }
                #expect(results.withLock { $0 }.isSubset(of: [KESWICK_OK, KESWICK_UNREACHABLE]))
            }
            #expect(try directory.read("keys.db") == backup)
            try expectKeys(names("a-", 60), in: OpenKeystore(.sqlite, in: directory))
        }
    }

    @Test func databaseThatWasMovedAwayIsWholeByItself() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        do {
            let store = try makeStore(directory, count: 20)
            #expect(rename(directory.path + "/keys.db", directory.path + "/moved.db") == 0)
            #expect(try result { try store.create("c", [1]) } == KESWICK_UNREACHABLE)
        }
        #expect(try directory.entries() == ["backup.db", "moved.db"])
        let store = try OpenKeystore(.sqlite, configuration: #"{"path":"\#(directory.path)/moved.db"}"#)
        try expectKeys(names("a-", 20) + names("b-", 20), in: store)
    }

    @Test func closingSaysWhatBecameOfTheDatabase() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let driver = try Driver(
            .sqlite, configuration: Backend.sqlite.configuration(in: directory), ["open", "creates:a-:20:400", "wait", "close"])
        try driver.expectLine("waiting")
        try directory.write([1, 2, 3], to: "other")
        #expect(rename(directory.path + "/other", directory.path + "/keys.db") == 0)
        driver.resume()
        let lines = driver.remainingLines()
        #expect(lines.contains { $0.hasPrefix("log 2 ") && $0.contains("removed or replaced while in use") }, "\(lines)")
        #expect(driver.waitForEnd() == .exited(0))
        #expect(try directory.entries() == ["keys.db"])
        #expect(try directory.read("keys.db") == [1, 2, 3])
    }

    /// The log of the other process would be taken for the one of the file that stands there now.
    @Test func databaseIsNotOpenedBesideTheLogOfTheOneBefore() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let steps = ["open", "creates:a-:20:400", "wait", "close"]
        let driver = try Driver(.sqlite, configuration: Backend.sqlite.configuration(in: directory), steps)
        try driver.expectLine("waiting")
        try backUp(directory)
        let backup = try directory.read("backup.db")
        // Two may share one database.
        #expect(try OpenKeystore(.sqlite, in: directory).list().count == 20)
        #expect(rename(directory.path + "/backup.db", directory.path + "/keys.db") == 0)
        let configuration = Backend.sqlite.configuration(in: directory)
        let failure = try failure { _ = try OpenKeystore(.sqlite, configuration: configuration, timeout: .milliseconds(300)) }
        #expect(failure.result == KESWICK_UNREACHABLE && failure.message.contains("stop that process"), "\(failure)")
        #expect(try directory.read("keys.db") == backup)
        driver.resume()
        #expect(driver.waitForEnd() == .exited(0))
        #expect(try OpenKeystore(.sqlite, in: directory).list().count == 20)
    }

    @Test func databaseIsNotOpenedBesideTheOneBeforeInOneProcess() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        do {
            let store = try makeStore(directory, count: 20)
            try Replacement.moved.apply(in: directory)
            #expect(try failure { _ = try OpenKeystore(.sqlite, in: directory) }.message.contains("removed or replaced"))
            #expect(try result { try store.status() } == KESWICK_UNREACHABLE)
        }
        try expectKeys(names("a-", 20), in: OpenKeystore(.sqlite, in: directory))
    }

    @Test func logWithoutItsDatabaseIsNotPlayedOverANewOne() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let configuration = Backend.sqlite.configuration(in: directory)
        // It ends without closing the keystore, as if killed.
        let end = try Driver.run(.sqlite, configuration: configuration, ["open", "creates:a-:20:400"]).end
        #expect(end == .exited(0))
        #expect(unlink(directory.path + "/keys.db") == 0)
        for _ in 0..<2 {
            let failure = try failure { _ = try OpenKeystore(.sqlite, in: directory) }
            #expect(failure.result == KESWICK_CORRUPT && failure.message.contains("keys.db-wal is there without its database"))
            #expect(try directory.entries() == ["keys.db-shm", "keys.db-wal"])
        }
        // As the message says.
        for name in try directory.entries() { #expect(unlink(directory.path + "/" + name) == 0) }
        #expect(try OpenKeystore(.sqlite, in: directory).list() == [])
    }

    @Test(arguments: ["-wal", "-shm"])
    func databaseWhoseLogWasRemovedIsUnreachableAndLosesNothing(suffix: String) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        do {
            let store = try makeStore(directory, count: 20)
            #expect(unlink(directory.path + "/keys.db" + suffix) == 0)
            #expect(try result { try store.create("c", [1]) } == KESWICK_UNREACHABLE)
            #expect(try failure { _ = try store.get("a-1000") }.message.contains("restart the server"))
        }
        try expectKeys(names("a-", 20) + names("b-", 20), in: OpenKeystore(.sqlite, in: directory))
    }
}
