import Foundation
import PluginAPI
import Testing

/// What a keystore has answered is there after the machine, and not only the process, has stopped at any moment.
///
/// No test can pull the plug: `keystore-driver` stands before the calls that write, name and sync, and tells what was changed and not
/// synced when the keystore answered.
@Suite struct DurabilityTests {
    private static let size = 700

    /// Runs steps on a keystore in a directory that is new, or holds one with the entries `old-0` and `old-1`.
    private func run(_ backend: Backend, isNew: Bool, _ steps: [String]) throws -> [String] {
        let directory = try TemporaryDirectory(inMemory: true)
        if !isNew {
            let store = try OpenKeystore(backend, in: directory)
            for name in ["old-0", "old-1"] { try store.create(name, .driverValue(size: Self.size)) }
        }
        let (lines, end) = try Driver.run(backend, configuration: backend.configuration(in: directory), ["durable"] + steps)
        #expect(end == .exited(0))
        return lines
    }

    /// What was not on the disk when it had to be.
    private func lost(_ lines: [String]) -> [String] {
        lines.filter { $0.hasPrefix("unsynced ") || $0.hasPrefix("early ") }
    }

    @Test(arguments: Backend.durable, [true, false])
    func whatWasAnsweredIsOnTheDisk(_ backend: Backend, isNew: Bool) throws {
        let creates = ["create:a:\(Self.size)", "create:b:1", "create:c:\(Self.size)"]
        let lines = try run(backend, isNew: isNew, ["open"] + creates + ["delete:b", "create:b:5", "delete:a"])
        let answers = lines.filter { $0.hasPrefix("create ") || $0.hasPrefix("delete ") }
        #expect(answers == ["create a 0", "create b 0", "create c 0", "delete b 0", "create b 0", "delete a 0"])
        // That there is a write-ahead log matters when something is in it.
        let opened = try #require(lines.firstIndex(of: "open 0"))
        #expect(lost(Array(lines[..<opened])).filter { !$0.hasSuffix("keys.db-wal") } == [])
        #expect(lost(Array(lines[opened...])) == [])
    }

    /// Enough for SQLite to move its write-ahead log into the database again and again.
    @Test(arguments: Backend.durable)
    func manyInTurnAreOnTheDisk(_ backend: Backend) throws {
        let lines = try run(backend, isNew: false, ["open", "creates:k:600:4000"])
        #expect(lines.count { $0.hasPrefix("create ") && $0.hasSuffix(" 0") } == 600)
        #expect(lost(Array(lines.drop { $0 != "open 0" })) == [])
    }
}
