import Foundation
import PluginAPI
import Testing

/// What is left when a process dies, or a system call fails, at each single I/O call of each operation in turn.
///
/// The calls are those that the built library really makes, counted and broken by `keystore-driver`.
@Suite struct FaultTests {
    /// Errors that a disk, a quota and a signal cause, and a transfer of one byte instead of many.
    private static let faults = ["\(EIO)", "\(ENOSPC)", "\(EINTR)", "short"]
    private static let old = ["old-0", "old-1", "old-2"]
    private static let size = 700

    /// A directory with a store that holds the `old` entries.
    private func makeStore(_ backend: Backend) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try OpenKeystore(backend, in: directory)
        for name in FaultTests.old { try store.create(name, .driverValue(size: FaultTests.size)) }
        return directory
    }

    private func run(
        _ backend: Backend, _ directory: borrowing TemporaryDirectory, _ steps: [String]
    ) throws -> (lines: [String], end: Driver.End) {
        try Driver.run(backend, configuration: backend.configuration(in: directory), steps)
    }

    /// The number of the result that the driver printed for a step.
    private func result(of step: String, in lines: [String]) -> Int32? {
        lines.first { $0.hasPrefix(step + " ") }.flatMap { Int32($0.dropFirst(step.count + 1).prefix { $0 != " " }) }
    }

    /// Opens the store again and expects `required` entries, possibly those in `allowed`, each whole, and nothing else in the
    /// directory.
    private func expectWhole(
        _ backend: Backend, _ directory: borrowing TemporaryDirectory, required: [String] = old, allowed: [String] = [],
        _ comment: Comment
    ) throws {
        let names: [String]
        do {
            let store = try OpenKeystore(backend, in: directory)
            names = try store.list()
            #expect(Set(names).isSuperset(of: required), comment)
            #expect(Set(names).isSubset(of: required + allowed), comment)
            for name in names { #expect(try store.get(name) == .driverValue(size: FaultTests.size), comment) }
            // What is not there can be created, what is there cannot.
            for name in allowed {
                let expected = names.contains(name) ? KESWICK_EXISTS : KESWICK_OK
                #expect(try PluginTests.result { try store.create(name, [1]) } == expected, comment)
            }
        }
        switch backend {
        case .fs: #expect(try directory.entries("keys") == Set(names + allowed).sorted(), comment)
        case .sqlite: #expect(try directory.entries() == ["keys.db"], comment)
        case .mem: break
        }
    }

    /// Calls `body` with 1, 2, … until it says that the operation came to its end before the fault.
    private func atEveryCall(_ body: (Int) throws -> Bool) throws {
        var call = 1
        while try body(call) {
            call += 1
            guard call < 1000 else { throw TestFailure("the operation has no end") }
        }
        // Fewer would mean that the calls are not seen.
        #expect(call > 2)
    }

    @Test(arguments: Backend.durable)
    func openingANewStoreIsWholeOrNothingWhereverItDies(_ backend: Backend) throws {
        try atEveryCall { call in
            let directory = try TemporaryDirectory(inMemory: true)
            let end = try run(backend, directory, ["arm:\(call):kill", "open", "count"]).end
            try expectWhole(backend, directory, required: [], allowed: ["new"], "killed at call \(call)")
            return end == .killed(SIGKILL)
        }
    }

    @Test(arguments: Backend.durable)
    func openingAnOldStoreLosesNothingWhereverItDies(_ backend: Backend) throws {
        // A death before, so that there is something to recover.
        let torn = try makeStore(backend)
        let death = try run(backend, torn, ["open", "create:left:\(FaultTests.size)", "arm:6:kill", "create:torn:1"]).end
        #expect(death == .killed(SIGKILL))
        switch backend {
        case .fs: #expect(try torn.entries("keys").first?.hasPrefix(".keswick-new-") == true)
        case .sqlite: #expect(try torn.entries() == ["keys.db", "keys.db-shm", "keys.db-wal"])
        case .mem: break
        }
        try atEveryCall { call in
            let directory = try TemporaryDirectory(inMemory: true)
            for file in try torn.entries() {
                try FileManager.default.copyItem(atPath: torn.path + "/" + file, toPath: directory.path + "/" + file)
            }
            let end = try run(backend, directory, ["arm:\(call):kill", "open", "count"]).end
            try expectWhole(backend, directory, required: FaultTests.old + ["left"], "killed at call \(call)")
            return end == .killed(SIGKILL)
        }
    }

    @Test(arguments: Backend.durable)
    func createIsWholeOrNothingWhereverItDies(_ backend: Backend) throws {
        var outcomes = Set<Bool>()
        try atEveryCall { call in
            let directory = try makeStore(backend)
            let steps = ["open", "arm:\(call):kill", "create:new:\(FaultTests.size)", "count"]
            let (lines, end) = try run(backend, directory, steps)
            if result(of: "create new", in: lines) == KESWICK_OK {
                try expectWhole(backend, directory, required: FaultTests.old + ["new"], "killed after a create")
                return false
            }
            #expect(end == .killed(SIGKILL))
            outcomes.insert(try OpenKeystore(backend, in: directory).list().contains("new"))
            try expectWhole(backend, directory, allowed: ["new"], "killed at call \(call)")
            return true
        }
        // It died before and behind the moment that decides.
        #expect(outcomes == [true, false])
    }

    @Test(arguments: Backend.durable)
    func deleteIsWholeOrNothingWhereverItDies(_ backend: Backend) throws {
        try atEveryCall { call in
            let directory = try makeStore(backend)
            let (lines, _) = try run(backend, directory, ["open", "arm:\(call):kill", "delete:old-1", "count"])
            let isDone = result(of: "delete old-1", in: lines) == KESWICK_OK
            let rest = ["old-0", "old-2"]
            try expectWhole(
                backend, directory, required: rest, allowed: isDone ? [] : ["old-1"], "killed at call \(call)")
            return !isDone
        }
    }

    /// FSStore has little to close: one call.
    @Test(arguments: [Backend.sqlite])
    func closingLosesNothingWhereverItDies(_ backend: Backend) throws {
        try atEveryCall { call in
            let directory = try makeStore(backend)
            let steps = ["open", "create:new:\(FaultTests.size)", "arm:\(call):kill", "close", "count"]
            let end = try run(backend, directory, steps).end
            try expectWhole(backend, directory, required: FaultTests.old + ["new"], "killed at call \(call)")
            return end == .killed(SIGKILL)
        }
    }

    /// A create that failed leaves nothing, also when the process dies right after it.
    @Test(arguments: Backend.durable, faults)
    func failedCreateLeavesNothing(_ backend: Backend, _ fault: String) throws {
        try atEveryCall { call in
            let directory = try makeStore(backend)
            let (lines, end) = try run(
                backend, directory,
                [
                    "open", "limit:1000", "arm:\(call):\(fault)", "create:new:\(FaultTests.size)", "count", "limit:60000",
                    "get:new", "get:old-1", "list", "status",
                ])
            #expect(end == .exited(0))
            let created = result(of: "create new", in: lines)
            let comment: Comment = "\(fault) at call \(call): \(lines)"
            #expect(created != nil, comment)
            // The fault has passed: all is well again.
            #expect(result(of: "get new", in: lines) == (created == KESWICK_OK ? KESWICK_OK : KESWICK_NOT_FOUND), comment)
            #expect(lines.contains("get old-1 0 \(FaultTests.size)"), comment)
            #expect(lines.contains("name new") == (created == KESWICK_OK), comment)
            #expect(result(of: "list", in: lines) == KESWICK_OK && result(of: "status", in: lines) == KESWICK_OK, comment)
            if backend == .fs && (fault == "\(EINTR)" || fault == "short") { #expect(created == KESWICK_OK, comment) }
            let stored = created == KESWICK_OK ? ["new"] : []
            // The driver ended without closing the keystore, as if killed.
            try expectWhole(backend, directory, required: FaultTests.old + stored, comment)
            return call <= result(of: "count", in: lines) ?? 0
        }
    }

    /// SQLite takes a lock that it cannot ask for, or cannot give back, for one that somebody holds, and waits for it.
    @Test func aWaitThatHasNoEndEndsWithTheDeadline() throws {
        var longest = 0
        try atEveryCall { call in
            let directory = try makeStore(.sqlite)
            let (lines, end) = try run(
                .sqlite, directory, ["open", "limit:200", "arm:\(call):\(EIO)+", "create:new:1", "slept", "count"])
            #expect(end == .exited(0))
            let slept = try #require(lines.first { $0.hasPrefix("slept ") }.flatMap { Int($0.dropFirst(6)) })
            #expect(slept <= 200_000, "\(lines)")
            longest = max(longest, slept)
            return call <= result(of: "count", in: lines) ?? 0
        }
        // It did wait.
        #expect(longest > 100_000)
    }

    /// When the disk stays broken, not even cleaning up works. What is left is whole or nothing all the same.
    @Test(arguments: Backend.durable, ["\(EIO)+", "\(ENOSPC)+"])
    func createOnADyingDiskIsWholeOrNothing(_ backend: Backend, _ fault: String) throws {
        try atEveryCall { call in
            let directory = try makeStore(backend)
            let (lines, _) = try run(
                backend, directory, ["open", "limit:1000", "arm:\(call):\(fault)", "create:new:\(FaultTests.size)", "count"])
            let created = result(of: "create new", in: lines) == KESWICK_OK
            if !created, try OpenKeystore(backend, in: directory).list().contains("new") {
                #expect(
                    lines.contains { $0.hasSuffix(". The key may have been stored nevertheless") },
                    "\(fault) at call \(call): \(lines)")
            }
            let names = FaultTests.old + (created ? ["new"] : [])
            try expectWhole(backend, directory, required: names, allowed: created ? [] : ["new"], "\(fault) at call \(call)")
            return call <= result(of: "count", in: lines) ?? 0
        }
    }

    /// A delete that failed has deleted nothing, or says that it may have.
    @Test(arguments: Backend.durable, ["\(EIO)", "\(EIO)+"])
    func failedDeleteSaysWhenTheKeyMayBeGone(_ backend: Backend, _ fault: String) throws {
        var isGone = false
        try atEveryCall { call in
            let directory = try makeStore(backend)
            let (lines, _) = try run(backend, directory, ["open", "limit:1000", "arm:\(call):\(fault)", "delete:old-1", "count"])
            let comment: Comment = "\(fault) at call \(call): \(lines)"
            let names = try OpenKeystore(backend, in: directory).list()
            if result(of: "delete old-1", in: lines) == KESWICK_OK {
                #expect(names == ["old-0", "old-2"], comment)
            } else if names != FaultTests.old {
                #expect(names == ["old-0", "old-2"], comment)
                #expect(lines.contains { $0.hasSuffix(". The key may have been deleted nevertheless") }, comment)
                isGone = true
            }
            return call <= result(of: "count", in: lines) ?? 0
        }
        // A name that was removed cannot be put back.
        if backend == .fs { #expect(isGone) }
    }

    @Test(arguments: Backend.durable, faults)
    func failedOpenLeavesAStoreThatOpens(_ backend: Backend, _ fault: String) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let pattern = #"{"path":"\#(directory.path)/@/keys"}"#
        // One process tries all calls, each in a directory of its own.
        let calls = 1...150
        for call in calls { #expect(mkdir("\(directory.path)/\(call)", 0o700) == 0) }
        let steps = calls.flatMap { ["arm:\($0):\(fault)", "tryopen:\($0)", "count"] }
        let (lines, end) = try Driver.run(backend, configuration: pattern, steps)
        #expect(end == .exited(0))
        // The last fault comes behind the last call.
        #expect(lines.suffix(2).first == "open \(calls.upperBound) 0")
        for call in calls {
            let store = try OpenKeystore(backend, configuration: #"{"path":"\#(directory.path)/\#(call)/keys"}"#)
            #expect(try store.list() == [], "\(fault) at call \(call)")
            try store.create("new", [1])
            let expected = backend == .fs ? ["keys"] : ["keys", "keys-shm", "keys-wal"]
            #expect(try directory.entries("\(call)") == expected, "\(fault) at call \(call)")
            if backend == .fs { #expect(try directory.entries("\(call)/keys") == ["new"], "\(fault) at call \(call)") }
        }
    }

    /// A read that meets a fault fails, or gives what is there: never less.
    @Test(arguments: Backend.durable, faults)
    func readThatMeetsAFaultNeverGivesLess(_ backend: Backend, _ fault: String) throws {
        let directory = try makeStore(backend)
        let calls = 1...40
        let steps = calls.flatMap { ["arm:\($0):\(fault)", "list", "count", "arm:\($0):\(fault)", "get:old-1", "count"] }
        let (lines, end) = try run(backend, directory, ["open"] + steps)
        #expect(end == .exited(0))
        #expect(lines.contains("open 0"))
        var names: [String] = []
        for line in lines {
            let words = line.split(separator: " ").map(String.init)
            switch words.first {
            case "name": names.append(words[1])
            case "list":
                if words[1] == "0" { #expect(names == FaultTests.old) }
                #expect(words[1] != "\(KESWICK_CORRUPT)")
                names = []
            case "get":
                if words[2] == "0" { #expect(words[3] == "\(FaultTests.size)") }
                #expect(words[2] != "\(KESWICK_NOT_FOUND)" && words[2] != "\(KESWICK_CORRUPT)")
            default: break
            }
        }
        // The later faults come behind the last call: those reads are right.
        #expect(lines.suffix(2).first == "get old-1 0 \(FaultTests.size)")
    }

    /// A process that is killed at any moment while it creates entries one after the other.
    @Test(arguments: Backend.durable)
    func everyCreateThatAnsweredSurvivesKill9(_ backend: Backend) throws {
        let directory = try makeStore(backend)
        for round in 0..<10 {
            let driver = try Driver(
                backend, configuration: backend.configuration(in: directory),
                ["open", "creates:r\(round)-:100000:\(FaultTests.size)"])
            var answered: [String] = []
            // Some creates, a different number each time; then at whatever step it is.
            while answered.count < 5 + round * 3, let line = driver.nextLine() {
                let words = line.split(separator: " ").map(String.init)
                if words.count == 3, words[0] == "create", words[2] == "0" { answered.append(words[1]) }
            }
            driver.kill9()
            answered += driver.remainingLines().compactMap { line in
                let words = line.split(separator: " ").map(String.init)
                return words.count == 3 && words[0] == "create" && words[2] == "0" ? words[1] : nil
            }
            #expect(driver.waitForEnd() == .killed(SIGKILL))
            let store = try OpenKeystore(backend, in: directory)
            let names = try store.list()
            #expect(Set(names).isSuperset(of: answered))
            for name in names { #expect(try store.get(name) == .driverValue(size: FaultTests.size)) }
            #expect(names.filter { $0.hasPrefix("r\(round)-") }.count - answered.count <= 1)
            if backend == .fs { #expect(try directory.entries("keys") == names) }
        }
    }
}
