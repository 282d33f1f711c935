import PluginAPI
import Testing

/// What the ABI promises of every keystore, one caller at a time.
@Suite struct SemanticsTests {
    @Test(arguments: Backend.allCases)
    func tableIsOfVersion1AndComplete(_ backend: Backend) throws {
        let table = try backend.table().pointee
        #expect(table.abi_version == KESWICK_ABI_VERSION)
        #expect(table.size == UInt32(MemoryLayout<keswick_keystore>.size))
        #expect(String(cString: table.name) == backend.rawValue)
        #expect(String(cString: table.version).isEmpty == false)
        #expect(table.flags & ~3 == 0)
        #expect((table.flags & 2 != 0) == Backend.durable.contains(backend))
        #expect(try backend.table() == backend.table())
    }

    @Test(arguments: Backend.allCases)
    func getGivesTheExactBytesOfEverySize(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        // Around SQLite's and the file system's page sizes, and the limit.
        for size in [1, 2, 255, 256, 257, 1001, 1002, 1003, 4095, 4096, 4097, 65_537, 1_048_575, 1_048_576] {
            let value = [UInt8].driverValue(size: size)
            try store.create("size-\(size)", value)
            #expect(try store.get("size-\(size)") == value, "\(size) bytes")
        }
        let everyByte = (0...255).map { UInt8($0) }
        try store.create("every-byte", everyByte)
        #expect(try store.get("every-byte") == everyByte)
    }

    @Test(arguments: Backend.allCases)
    func emptyValueIsStoredOrRefusedAsInvalid(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let result = try result { try store.create("empty", []) }
        if backend == .fs {
            #expect(result == KESWICK_INVALID)
            #expect(try store.list() == [])
        } else {
            #expect(result == KESWICK_OK)
            #expect(try store.get("empty") == [])
        }
    }

    @Test(arguments: Backend.allCases)
    func valueAboveTheLimitIsInvalidAndNotStored(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let large = [UInt8](repeating: 7, count: Int(KESWICK_VALUE_MAX) + 1)
        let failure = try failure { try store.create("large", large) }
        #expect(failure.result == KESWICK_INVALID)
        #expect(failure.message.contains("1048577"))
        #expect(try store.list() == [])
    }

    @Test(arguments: Backend.allCases)
    func createNeverReplaces(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        try store.create("key", [1, 2, 3])
        let failure = try failure { try store.create("key", [4]) }
        #expect(failure == .init(result: KESWICK_EXISTS, message: ""))
        #expect(try store.get("key") == [1, 2, 3])
    }

    @Test(arguments: Backend.allCases)
    func absentNameIsNotFound(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        #expect(try failure { _ = try store.get("key") } == .init(result: KESWICK_NOT_FOUND, message: ""))
        #expect(try failure { try store.delete("key") } == .init(result: KESWICK_NOT_FOUND, message: ""))
    }

    @Test(arguments: Backend.allCases)
    func deletedNameIsFreeAgain(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        for round in UInt8(0)..<5 {
            try store.create("key", [round])
            #expect(try store.list() == ["key"])
            #expect(try store.get("key") == [round])
            try store.delete("key")
            #expect(try result { _ = try store.get("key") } == KESWICK_NOT_FOUND)
            #expect(try store.list() == [])
        }
    }

    @Test(arguments: Backend.allCases)
    func namesThatBreakTheRulesAreInvalidInEveryFunction(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let bad = [
            "", ".", "..", ".hidden", "a/b", "/", "../x", "a b", "a\0", "\0", "a\n", "é", "a%", "a?b", "a:b", "a\\b", "a*",
            String(repeating: "a", count: 129), String(repeating: "a", count: 4096),
        ]
        for name in bad {
            #expect(try result { try store.create(name, [1]) } == KESWICK_INVALID, "create \(name)")
            #expect(try result { _ = try store.get(name) } == KESWICK_INVALID, "get \(name)")
            #expect(try result { try store.delete(name) } == KESWICK_INVALID, "delete \(name)")
        }
        #expect(try store.list() == [])
        for text in ["a/b", "../", "a\0", "é", "%"] {
            #expect(try result { _ = try store.list(prefix: text) } == KESWICK_INVALID, "prefix \(text)")
            #expect(try result { _ = try store.list(after: text) } == KESWICK_INVALID, "after \(text)")
        }
        #expect(try result { _ = try store.list(limit: 0) } == KESWICK_INVALID)
    }

    @Test(arguments: Backend.allCases)
    func everyAllowedCharacterMakesAName(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_."
        var names = alphabet.map { "a\($0)" } + ["-", "_", "a..b", "-.", alphabet, String(repeating: "z", count: 128)]
        for (index, name) in names.enumerated() { try store.create(name, [UInt8(index + 1)]) }
        for (index, name) in names.enumerated() { #expect(try store.get(name) == [UInt8(index + 1)]) }
        names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(try store.list() == names)
    }

    @Test(arguments: Backend.allCases)
    func callAfterItsDeadlineTimesOutAndChangesNothing(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        try store.create("key", [1])
        let past = Duration.seconds(-1)
        #expect(try result { try store.create("late", [1], timeout: past) } == KESWICK_TIMEOUT)
        #expect(try result { _ = try store.get("key", timeout: past) } == KESWICK_TIMEOUT)
        #expect(try result { try store.delete("key", timeout: past) } == KESWICK_TIMEOUT)
        #expect(try result { _ = try store.list(timeout: past) } == KESWICK_TIMEOUT)
        #expect(try failure { try store.status(timeout: past) }.message == "the deadline passed")
        #expect(try store.list() == ["key"])
    }

    @Test(arguments: Backend.allCases)
    func statusOfAnOpenKeystoreIsOK(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        #expect(try result { try store.status() } == KESWICK_OK)
    }

    @Test(arguments: Backend.allCases)
    func unknownMemberOfTheConfigurationIsNamed(_ backend: Backend) throws {
        let failure = try failure { _ = try OpenKeystore(backend, configuration: #"{"pth":"/nowhere"}"#) }
        #expect(failure.result == KESWICK_INVALID)
        #expect(failure.message.contains("`pth`"))
        #expect(failure.message.contains("/nowhere") == false)
        #expect(failure.message.hasSuffix(backend == .mem ? "none are known" : "known are: path"))
    }

    @Test(arguments: Backend.durable)
    func missingOrMistypedPathIsInvalid(_ backend: Backend) throws {
        for configuration in [
            "{}", "null", #"{"path":null}"#, #"{"path":7}"#, #"{"path":""}"#, #"{"path":"a\u0000b"}"#, "[]", "{", "",
        ] {
            let failure = try failure { _ = try OpenKeystore(backend, configuration: configuration) }
            #expect(failure.result == KESWICK_INVALID, "\(configuration): \(failure)")
            #expect(failure.message.isEmpty == false)
        }
    }
}
