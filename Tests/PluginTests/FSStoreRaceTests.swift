import Foundation
import PluginAPI
import Testing

/// What others do in the directory between any two I/O calls of FSStore: the driver stops there.
@Suite struct FSStoreRaceTests {
    /// Opens a store in a process of its own, which stops before each I/O call of `step` in turn for `meanwhile`, and gives `check`
    /// what it printed. Ends when `step` makes no more calls.
    private func atEachCall(
        of step: String, meanwhile: (borrowing TemporaryDirectory) throws -> Void,
        check: (borrowing TemporaryDirectory, [String], Comment) throws -> Void
    ) throws {
        var call = 0
        while true {
            call += 1
            let directory = try TemporaryDirectory(inMemory: true)
            let driver = try Driver(
                .fs, configuration: Backend.fs.configuration(in: directory),
                ["open", "create:old:400", "arm:\(call):wait", step, "count"])
            var line = driver.nextLine()
            while let read = line, read != "waiting", !read.hasPrefix("count ") { line = driver.nextLine() }
            guard line == "waiting" else { break }
            try meanwhile(directory)
            driver.resume()
            let lines = driver.remainingLines()
            #expect(driver.waitForEnd() == .exited(0))
            try check(directory, lines, "stopped before call \(call): \(lines)")
        }
        #expect(call > 5)
    }

    private func temporary(_ directory: borrowing TemporaryDirectory) throws -> String? {
        try directory.entries("keys").first { $0.hasPrefix(".keswick-new-") }
    }

    /// A link that the backup makes is not the one to the key's name.
    @Test func anotherServersKeyIsNotTakenForOursWhenABackupLinksTheTemporaryFile() throws {
        try atEachCall(of: "create:new:700") { directory in
            let keys = directory.path + "/keys/"
            #expect(mkdir(directory.path + "/backup", 0o700) == 0)
            for name in try directory.entries("keys") {
                #expect(link(keys + name, directory.path + "/backup/" + name) == 0)
            }
            if try !directory.entries("keys").contains("new") { try directory.write([7], to: "keys/new") }
        } check: { (directory: borrowing TemporaryDirectory, lines: [String], comment: Comment) throws in
            let isOurs = lines.contains("create new \(KESWICK_OK)")
            #expect(isOurs || lines.contains("create new \(KESWICK_EXISTS)"), comment)
            #expect(try directory.read("keys/new") == (isOurs ? .driverValue(size: 700) : [7]), comment)
        }
    }

    /// Over a network the file system repeats a link whose answer was lost.
    @Test func ourOwnLinkIsNotTakenForAnotherServersKey() throws {
        try atEachCall(of: "create:new:700") { directory in
            if let name = try temporary(directory) { _ = link(directory.path + "/keys/" + name, directory.path + "/keys/new") }
        } check: { (directory: borrowing TemporaryDirectory, lines: [String], comment: Comment) throws in
            #expect(lines.contains("create new \(KESWICK_OK)"), comment)
            #expect(try directory.read("keys/new") == .driverValue(size: 700), comment)
            #expect(try directory.entries("keys") == ["new", "old"], comment)
        }
    }

    /// As a restore does: what was there is `keys.bak` now.
    private func replaceByCopy(_ directory: borrowing TemporaryDirectory) throws {
        let (keys, away) = (directory.path + "/keys", directory.path + "/keys.bak")
        try FileManager.default.moveItem(atPath: keys, toPath: away)
        try FileManager.default.copyItem(atPath: away, toPath: keys)
    }

    /// Wherever the directory is replaced by a copy of it, a key that was said to be stored is in the copy, or was replaced after that.
    @Test func createIntoADirectoryThatIsReplacedMeanwhileFailsAndLeavesNothing() throws {
        try atEachCall(of: "create:new:700") { directory in
            try replaceByCopy(directory)
        } check: { (directory: borrowing TemporaryDirectory, lines: [String], comment: Comment) throws in
            let isStored = lines.contains("create new \(KESWICK_OK)")
            #expect(isStored || lines.contains("create new \(KESWICK_UNREACHABLE)"), comment)
            if isStored { #expect(try directory.read("keys/new") == .driverValue(size: 700), comment) }
            #expect(try directory.entries("keys.bak").contains("new") == isStored, comment)
        }
    }

    @Test func deleteInADirectoryThatIsReplacedMeanwhileIsNotSaidToBeDone() throws {
        try atEachCall(of: "delete:old") { directory in
            try replaceByCopy(directory)
        } check: { (directory: borrowing TemporaryDirectory, lines: [String], comment: Comment) throws in
            let isDone = lines.contains("delete old \(KESWICK_OK)")
            #expect(isDone || lines.contains("delete old \(KESWICK_UNREACHABLE)"), comment)
            if isDone { #expect(try directory.entries("keys") == [], comment) }
        }
    }

    /// What may hold a key is removed, or the operator is told of it.
    @Test(arguments: [EBADF, ENOLCK, EACCES])
    func leftoverThatCannotBeRemovedIsLogged(error: Int32) throws {
        var call = 0
        while true {
            call += 1
            let directory = try TemporaryDirectory(inMemory: true)
            _ = try OpenKeystore(.fs, in: directory)
            try directory.write([1], to: "keys/.keswick-new-1")
            let (lines, end) = try Driver.run(
                .fs, configuration: Backend.fs.configuration(in: directory), ["arm:\(call):\(error)", "open", "count", "list"])
            #expect(end == .exited(0))
            let isGone = try directory.entries("keys").isEmpty
            let isTold = lines.contains { $0.hasPrefix("log 2 ") && $0.contains("keys/.keswick-new-1") }
            let isRefused = !lines.contains("open \(KESWICK_OK)")
            #expect(isGone || isTold || isRefused, "\(lines)")
            guard let count = lines.first(where: { $0.hasPrefix("count ") }).flatMap({ Int($0.dropFirst(6)) }), call > count
            else { continue }
            break
        }
        #expect(call > 5)
    }

    /// Who asks while one reads shares the next reading. Another may come late for that one.
    @Test func listsThatAreAskedForAtOnceShareAReadingOfTheDirectory() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let (lines, end) = try Driver.run(
            .fs, configuration: Backend.fs.configuration(in: directory), ["open", "creates:key-:3:1", "lists:16"])
        #expect(end == .exited(0))
        let counts = try #require(lines.last).split(separator: " ").compactMap { Int($0) }
        try #require(counts.count == 2, "\(lines)")
        #expect(counts[0] == 16)
        #expect((1...3).contains(counts[1]), "\(counts[1]) readings")
    }

    @Test func readOnlyFileSystemIsNamedAsSuch() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let (lines, _) = try Driver.run(
            .fs, configuration: Backend.fs.configuration(in: directory), ["open", "arm:1:\(EROFS)+", "create:new:1"])
        #expect(lines.contains { $0.hasPrefix("error ") && $0.contains("mount its file system writable") }, "\(lines)")
        #expect(lines.contains("create new \(KESWICK_DENIED)"))
    }
}
