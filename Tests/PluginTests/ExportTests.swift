import PluginKit
import Testing

/// What PluginKit does between the table and a keystore written in Swift.
@Suite struct ExportTests {
    /// Answers each call with what the name, or the prefix, asks for.
    private final class ScriptedStore: Keystore {
        static let name: StaticString = "scripted"
        static let version: StaticString = "0"
        static let capabilities: Capabilities = [.serial, .durable]

        init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError) {}

        static func answer(_ script: String) throws(KeystoreError) {
            switch script {
            case "exists": throw .exists
            case "notFound": throw .notFound
            case "invalid": throw .invalid("invalid!")
            case "unreachable": throw .unreachable("unreachable!")
            case "timeout": throw .timeout
            case "denied": throw .denied("denied!")
            case "corrupt": throw .corrupt("corrupt!")
            case "internal": throw .internal("internal!")
            default: return
            }
        }

        func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError) { try Self.answer(name.text) }
        func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue {
            try Self.answer(name.text)
            return SecretValue(capacity: 0) { _ in 0 }
        }
        func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError) { try Self.answer(name.text) }
        func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName] {
            try Self.answer(prefix)
            return []
        }
        func status(deadline: Deadline) throws(KeystoreError) { throw .notFound }
    }

    private final class SecondStore: Keystore {
        static let name: StaticString = "second"
        static let version: StaticString = "0"

        init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError) {}
        func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError) {}
        func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue { throw .notFound }
        func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError) {}
        func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName] { [] }
        func status(deadline: Deadline) throws(KeystoreError) {}
    }

    private func open() throws -> OpenKeystore { try OpenKeystore(exportKeystore(ScriptedStore.self), configuration: "{}") }

    @Test func everyKindOfErrorBecomesItsResultWithItsMessage() throws {
        let store = try open()
        let kinds: [(String, Int32, String)] = [
            ("invalid", KESWICK_INVALID, "invalid!"), ("unreachable", KESWICK_UNREACHABLE, "unreachable!"),
            ("timeout", KESWICK_TIMEOUT, "the deadline passed"), ("denied", KESWICK_DENIED, "denied!"),
            ("corrupt", KESWICK_CORRUPT, "corrupt!"), ("internal", KESWICK_INTERNAL, "internal!"),
        ]
        for (name, result, message) in kinds {
            let expected = OpenKeystore.Failure(result: result, message: message)
            #expect(try failure { try store.create(name, []) } == expected)
            #expect(try failure { _ = try store.get(name) } == expected)
            #expect(try failure { try store.delete(name) } == expected)
            #expect(try failure { _ = try store.list(prefix: name) } == expected)
        }
        #expect(try store.get("fine") == [])
    }

    @Test func answerThatACallCannotHaveIsInternal() throws {
        let store = try open()
        #expect(try result { try store.create("exists", []) } == KESWICK_EXISTS)
        #expect(try result { _ = try store.get("notFound") } == KESWICK_NOT_FOUND)
        #expect(try result { try store.delete("notFound") } == KESWICK_NOT_FOUND)
        let failures = [
            try failure { try store.create("notFound", []) }, try failure { _ = try store.get("exists") },
            try failure { try store.delete("exists") }, try failure { _ = try store.list(prefix: "exists") },
            try failure { try store.status() },
        ]
        for failure in failures {
            #expect(failure.result == KESWICK_INTERNAL)
            #expect(failure.message.contains("no such answer"))
        }
    }

    @Test func tableHasWhatTheTypeSays() {
        let table = exportKeystore(ScriptedStore.self)
        #expect(String(cString: table.pointee.name) == "scripted")
        #expect(table.pointee.flags == 3)
        #expect(exportKeystore(ScriptedStore.self) == table)
    }

    @Test func secondKeystoreOfALibraryDoesNotOpen() throws {
        _ = exportKeystore(ScriptedStore.self)
        let failure = try failure { _ = try OpenKeystore(exportKeystore(SecondStore.self), configuration: "{}") }
        #expect(failure.result == KESWICK_INTERNAL)
        #expect(failure.message.contains("more than one keystore"))
    }

    @Test func deadlinesCountDown() {
        #expect(Deadline(nanoseconds: 0).hasPassed && Deadline(nanoseconds: 0).remaining == .zero)
        #expect(Deadline(after: .seconds(-5)).hasPassed)
        let hour = Deadline(after: .seconds(3600))
        #expect(!hour.hasPassed && hour.remaining > .seconds(3000) && hour.remaining <= .seconds(3600))
        #expect(Deadline(nanoseconds: .max).remaining > .seconds(1_000_000_000))
        #expect(!Deadline(after: .seconds(Int64.max)).hasPassed)
    }

    @Test func namesAreOrderedByTheirBytes() throws {
        let names = try ["-", "0", "A", "Z", "_", "a", "a-", "a.", "a0", "aA", "a_", "aa"].map { try #require(KeyName($0)) }
        #expect(names.shuffled().sorted() == names)
        #expect(KeyName(".a") == nil && KeyName("") == nil && KeyName("é") == nil)
    }
}
