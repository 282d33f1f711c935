import Foundation
import PluginAPI
import PluginKit
import Synchronization
import Testing

/// What the ABI promises when several threads or processes call at once.
@Suite struct ConcurrencyTests {
    /// Calls from `count` threads at once.
    private func inParallel(_ count: Int, _ body: @Sendable (Int) throws -> Void) {
        DispatchQueue.concurrentPerform(iterations: count) { index in
            do { try body(index) } catch { Issue.record(error) }
        }
    }

    @Test(arguments: Backend.allCases)
    func ofRacingCreatesOneWinsAndItsValueStays(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        for round in 0..<25 {
            let winners = Lock<[UInt8]>([])
            inParallel(8) { index in
                let value = [UInt8](repeating: UInt8(index), count: 3000)
                let result = try result { try store.create("key-\(round)", value) }
                #expect(result == KESWICK_OK || result == KESWICK_EXISTS)
                if result == KESWICK_OK { winners.withLock { $0.append(UInt8(index)) } }
            }
            let winner = winners.withLock { $0 }
            #expect(winner.count == 1)
            #expect(try store.get("key-\(round)") == [UInt8](repeating: winner.first ?? 255, count: 3000))
        }
    }

    @Test(arguments: Backend.allCases)
    func ofRacingDeletesOneWins(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        for _ in 0..<25 {
            try store.create("key", [1])
            let winners = Atomic(0)
            inParallel(8) { _ in
                let result = try result { try store.delete("key") }
                #expect(result == KESWICK_OK || result == KESWICK_NOT_FOUND)
                if result == KESWICK_OK { winners.add(1, ordering: .relaxed) }
            }
            #expect(winners.load(ordering: .relaxed) == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func mixedCallersSeeWholeValuesOnly(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        inParallel(8) { worker in
            for round in 0..<60 {
                // Four names, two sizes: a reader must see one of the values, never a part or a mix.
                let name = "key-\((worker + round) % 4)"
                let value = [UInt8].driverValue(size: worker % 2 == 0 ? 5000 : 300)
                switch round % 4 {
                case 0: #expect([KESWICK_OK, KESWICK_EXISTS].contains(try result { try store.create(name, value) }))
                case 1: #expect([KESWICK_OK, KESWICK_NOT_FOUND].contains(try result { try store.delete(name) }))
                case 2: #expect(try Set(store.list()).isSubset(of: ["key-0", "key-1", "key-2", "key-3"]))
                default:
                    let result = try result {
                        let read = try store.get(name)
                        #expect(read == .driverValue(size: 5000) || read == .driverValue(size: 300))
                    }
                    #expect([KESWICK_OK, KESWICK_NOT_FOUND].contains(result))
                }
            }
        }
        #expect(try result { try store.status() } == KESWICK_OK)
    }

    /// Two instances in one process, as while the server reloads.
    @Test(arguments: Backend.durable)
    func twoInstancesShareOneStore(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let first = try OpenKeystore(backend, in: directory)
        try first.create("a", [1])
        do {
            let second = try OpenKeystore(backend, in: directory)
            #expect(try second.get("a") == [1])
            try second.create("b", [2])
            #expect(try result { try first.create("b", [3]) } == KESWICK_EXISTS)
        }
        // The second is closed; the first goes on.
        try first.delete("a")
        #expect(try first.list() == ["b"])
    }

    @Test(arguments: Backend.durable)
    func valuesOutliveTheInstance(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        try OpenKeystore(backend, in: directory).create("key", .driverValue(size: 700))
        #expect(try OpenKeystore(backend, in: directory).get("key") == .driverValue(size: 700))
    }

    @Test(arguments: Backend.durable)
    func ofCreatesInTwoProcessesOneWins(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let configuration = backend.configuration(in: directory)
        let steps = ["wait", "open", "creates:key-:150:"]
        // Different sizes, so that the values tell who won.
        let sizes = [400, 900]
        let drivers = try sizes.map {
            try Driver(backend, configuration: configuration, steps.dropLast() + ["creates:key-:150:\($0)"])
        }
        for driver in drivers { try driver.expectLine("waiting") }
        for driver in drivers { driver.resume() }
        let written = drivers.map { $0.remainingLines() }
        let outcomes = written.map { lines in
            Dictionary(
                uniqueKeysWithValues: lines.filter { $0.hasPrefix("create ") }.map { line in
                    let words = line.split(separator: " ")
                    return (String(words[1]), Int32(words[2]) ?? -1)
                })
        }
        for driver in drivers { #expect(driver.waitForEnd() == .exited(0)) }
        for (outcome, lines) in zip(outcomes, written) { #expect(outcome.count == 150, "\(lines.prefix(5))") }
        let store = try OpenKeystore(backend, in: directory)
        #expect(try store.list().count == 150)
        for index in 0..<150 {
            let results = outcomes.map { $0["key-\(index)"] }
            #expect(Set(results) == [KESWICK_OK, KESWICK_EXISTS], "key-\(index)")
            let size = results[0] == KESWICK_OK ? sizes[0] : sizes[1]
            #expect(try store.get("key-\(index)") == .driverValue(size: size))
        }
    }

    /// One process stops before each single I/O call of its open in turn, and another opens the same new store meanwhile.
    @Test(arguments: Backend.durable)
    func ofOpensInTwoProcessesBothSucceedWhereverTheyMeet(_ backend: Backend) throws {
        var call = 0
        while true {
            call += 1
            let directory = try TemporaryDirectory(inMemory: true)
            let configuration = backend.configuration(in: directory)
            let first = try Driver(
                backend, configuration: configuration, ["arm:\(call):wait", "open", "count", "create:first:400"])
            // It waits there, unless it makes no call with that number.
            var line = first.nextLine()
            while let read = line, read != "waiting", !read.hasPrefix("count ") { line = first.nextLine() }
            guard line == "waiting" else { break }
            let second = try Driver(backend, configuration: configuration, ["busy", "open", "create:second:900"])
            // Where the first one holds a lock it has to go on.
            var told: [String] = []
            while let line = second.nextLine() {
                told.append(line)
                if line == "busy" { break }
            }
            first.resume()
            let (rest, others) = (first.remainingLines(), told + second.remainingLines())
            #expect(rest.contains("open 0") && rest.contains("create first 0"), "stopped at call \(call): \(rest)")
            #expect(others.contains("open 0") && others.contains("create second 0"), "the first one at call \(call): \(others)")
            #expect(first.waitForEnd() == .exited(0) && second.waitForEnd() == .exited(0))
            #expect(try OpenKeystore(backend, in: directory).list() == ["first", "second"])
        }
        // An open makes more calls than that: it was really stopped at each.
        #expect(call > 10)
    }

    /// Processes that open and close one new store again and again, so that each meets the others at any step.
    @Test(arguments: Backend.durable)
    func ofManyOpensAtTheSameMomentAllSucceed(_ backend: Backend) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let pattern = #"{"path":"\#(directory.path)/@"}"#
        let steps = ["wait"] + [String](repeating: "tryopen:keys", count: 30)
        let drivers = try (0..<6).map { _ in try Driver(backend, configuration: pattern, steps) }
        for driver in drivers { try driver.expectLine("waiting") }
        for driver in drivers { driver.resume() }
        for driver in drivers {
            let lines = driver.remainingLines()
            #expect(lines.count { $0 == "open keys 0" } == 30, "\(lines)")
            #expect(driver.waitForEnd() == .exited(0))
        }
        #expect(try directory.entries() == ["keys"])
    }
}
