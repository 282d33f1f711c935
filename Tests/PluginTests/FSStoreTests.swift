import Foundation
import PluginAPI
import Testing

/// What is FSStore's own: the directory, what else may stand in it, and what others do to it.
@Suite struct FSStoreTests {
    private func configuration(_ path: String) -> String { #"{"path":"\#(path)"}"# }

    /// A directory `keys` as a KES server leaves it.
    private func makeKeys(_ directory: borrowing TemporaryDirectory) throws {
        try FileManager.default.createDirectory(atPath: directory.path + "/keys", withIntermediateDirectories: false)
        #expect(chmod(directory.path + "/keys", 0o700) == 0)
    }

    @Test func entryIsOneFileNamedAsTheKeyForItsOwnerOnly() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.fs, in: directory)
        try store.create("my-key", [1, 2, 3])
        #expect(try directory.entries("keys") == ["my-key"])
        #expect(try directory.read("keys/my-key") == [1, 2, 3])
        #expect(try directory.mode("keys/my-key") == 0o600)
        #expect(try directory.mode("keys") == 0o700)
        try store.delete("my-key")
        #expect(try directory.entries("keys") == [])
    }

    @Test func directoryOfAKESServerWorksAsItIs() throws {
        let directory = try TemporaryDirectory()
        try makeKeys(directory)
        try directory.write("stored entry".utf8, to: "keys/key-1")
        try directory.write("another".utf8, to: "keys/key-2")
        let store = try OpenKeystore(.fs, in: directory)
        #expect(try store.list() == ["key-1", "key-2"])
        #expect(try store.get("key-1") == Array("stored entry".utf8))
        try store.delete("key-2")
        #expect(try directory.entries("keys") == ["key-1"])
        #expect(store.logLines == [])
    }

    @Test func aNewDirectoryIsToldOfOnce() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/keys"
        #expect(
            try OpenKeystore(.fs, in: directory).logLines == [
                "made \(path), which was not there: it holds no keys. If it should, stop the server, and mend `path` or mount the disk"
            ])
        #expect(try OpenKeystore(.fs, in: directory).logLines == [])
    }

    @Test func parentOfTheDirectoryMustExist() throws {
        let directory = try TemporaryDirectory()
        let failure = try failure { _ = try OpenKeystore(.fs, configuration: configuration(directory.path + "/a/keys")) }
        #expect(failure.result == KESWICK_INVALID)
        #expect(failure.message.contains("does not exist"))
        #expect(try directory.entries() == [])
        // A slash at the end is no parent.
        try OpenKeystore(.fs, configuration: configuration(directory.path + "/keys//")).create("key", [1])
        #expect(try directory.entries("keys") == ["key"])
    }

    @Test func pathThatIsNoDirectoryIsInvalid() throws {
        let directory = try TemporaryDirectory()
        try directory.write([1], to: "file")
        for path in ["/file", "/file/keys"] {
            let failure = try failure { _ = try OpenKeystore(.fs, configuration: configuration(directory.path + path)) }
            #expect(failure.result == KESWICK_INVALID, "\(failure)")
            #expect(failure.message.contains("is not a directory"))
        }
        #expect(try directory.read("file") == [1])
    }

    @Test func emptyFileHoldsNoKeyAndIsLeftAlone() throws {
        let directory = try TemporaryDirectory()
        try makeKeys(directory)
        try directory.write([], to: "keys/torn")
        try directory.write([1], to: "keys/whole")
        let store = try OpenKeystore(.fs, in: directory)
        let path = directory.path + "/keys/torn"
        #expect(try store.list() == ["whole"])
        #expect(try store.list() == ["whole"])
        #expect(store.logLines.count == 1)
        #expect(store.logLines.allSatisfy { $0.contains(path) && $0.contains("delete the file") })
        let failure = try failure { _ = try store.get("torn") }
        #expect(failure.result == KESWICK_CORRUPT)
        #expect(failure.message.contains(path) && failure.message.contains("delete the file"))
        #expect(try result { try store.create("torn", [1]) } == KESWICK_EXISTS)
        #expect(store.logLines.count == 2)
        #expect(try directory.read("keys/torn") == [])
        // What the message says helps.
        try store.delete("torn")
        try store.create("torn", [2])
        #expect(try store.list() == ["torn", "whole"])
    }

    @Test func whatIsNoRegularFileIsNeitherFollowedNorListedNorChanged() throws {
        let directory = try TemporaryDirectory()
        try makeKeys(directory)
        let keys = directory.path + "/keys/"
        try directory.write([7], to: "outside")
        try directory.write([8], to: "keys/.hidden")
        try directory.write([9], to: "keys/not a name")
        try directory.write([10], to: "keys/" + String(repeating: "a", count: 129))
        #expect(symlink("../outside", keys + "link") == 0)
        #expect(symlink("absent", keys + "dangling") == 0)
        #expect(mkfifo(keys + "fifo", 0o600) == 0)
        #expect(mkdir(keys + "directory", 0o700) == 0)
        let before = try directory.entries("keys")
        let store = try OpenKeystore(.fs, in: directory)
        #expect(try store.list() == [])
        // Once, and not of those whose names could be no key's.
        #expect(symlink("absent", keys + "..data") == 0)
        let lines = try OpenKeystore(.fs, in: directory).logLines
        #expect(lines.count == 1 && lines.allSatisfy { $0.contains("symbolic links") && $0.contains("holds 2, `") }, "\(lines)")
        #expect(unlink(keys + "..data") == 0)
        #expect(store.logLines == lines)
        for name in ["link", "dangling", "fifo", "directory"] {
            let failure = try failure { _ = try store.get(name) }
            #expect(failure.result == KESWICK_CORRUPT, "\(name): \(failure)")
            #expect(failure.message.contains(keys + name))
            #expect(try result { try store.create(name, [1]) } == KESWICK_EXISTS)
            #expect(try result { try store.delete(name) } == KESWICK_CORRUPT)
        }
        #expect(try directory.entries("keys") == before)
        #expect(try directory.read("outside") == [7])
        #expect(try directory.entries() == ["keys", "outside"])
    }

    @Test func fileLargerThanAnyValueIsCorrupt() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.fs, in: directory)
        try directory.write([UInt8](repeating: 1, count: Int(KESWICK_VALUE_MAX) + 1), to: "keys/large")
        #expect(try failure { _ = try store.get("large") }.message.contains("larger than any value"))
    }

    @Test func changesByOthersAreListedAtOnce() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.fs, in: directory)
        var expected: [String] = []
        for index in 100..<200 {
            // No fsync, no pause: many changes fall into one tick of the file system's clock.
            try directory.write([1], to: "keys/key-\(index)")
            expected.append("key-\(index)")
            #expect(try store.list() == expected)
        }
        // With the directory quiet for a while the names are kept, and must be read again after the next change.
        var info = stat()
        repeat {
            #expect(stat(directory.path + "/keys", &info) == 0)
        } while Date().timeIntervalSince1970 - (Double(info.st_ctim.tv_sec) + Double(info.st_ctim.tv_nsec) / 1e9) < 0.1
        #expect(try store.list() == expected)
        try directory.write([1], to: "keys/key-200")
        #expect(try store.list() == expected + ["key-200"])
        #expect(unlink(directory.path + "/keys/key-100") == 0)
        #expect(try store.list(limit: 1) == ["key-101"])
    }

    /// Whoever sets a clock wrong sets such a time, which a file system keeps.
    @Test(arguments: [Int.max, 99_999_999_999_999, Int.min])
    func aDirectoryOfAnyTimeIsListed(seconds: Int) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let (lines, end) = try Driver.run(
            .fs, configuration: Backend.fs.configuration(in: directory),
            ["open", "create:key:10", "changed:\(seconds)", "list", "list"])
        #expect(end == .exited(0))
        #expect(lines.suffix(4) == ["name key", "list 0", "name key", "list 0"])
    }

    @Test func fiftyThousandKeysAreListedPageByPageCompleteAndInOrder() throws {
        let directory = try TemporaryDirectory()
        try makeKeys(directory)
        // Links to one file: what a list sees is the same, and they are cheaper to make and to remove.
        try directory.write([1], to: "file")
        let names = (0..<50_000).map { "key-\($0)" }.sorted()
        for name in names.shuffled() where link(directory.path + "/file", directory.path + "/keys/" + name) != 0 {
            throw TestFailure("cannot link \(name): errno \(errno)")
        }
        let store = try OpenKeystore(.fs, in: directory)
        #expect(try store.listAll(page: 1000) == names)
        #expect(try store.list(prefix: "key-4999", limit: 1000) == names.filter { $0.hasPrefix("key-4999") })
    }

    @Test func removedDirectoryIsUnreachableInsteadOfEmpty() throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.fs, in: directory)
        try store.create("key", [1])
        try FileManager.default.removeItem(atPath: directory.path + "/keys")
        #expect(try result { _ = try store.get("key") } == KESWICK_UNREACHABLE)
        #expect(try result { try store.delete("key") } == KESWICK_UNREACHABLE)
        #expect(try result { try store.create("key", [1]) } == KESWICK_UNREACHABLE)
        #expect(try result { try store.status() } == KESWICK_UNREACHABLE)
        #expect(try result { _ = try store.list() } == KESWICK_UNREACHABLE)
        try makeKeys(directory)
        #expect(try failure { try store.status() }.message.contains("removed or replaced"))
    }

    /// What is done to the directory under an open keystore that holds `key`.
    enum Replacement: CaseIterable {
        case movedAway, restoredFromACopy, leadingElsewhere

        func apply(in directory: borrowing TemporaryDirectory) throws {
            let (keys, away) = (directory.path + "/keys", directory.path + "/keys.bak")
            try FileManager.default.moveItem(atPath: keys, toPath: away)
            switch self {
            case .movedAway: break
            case .restoredFromACopy: try FileManager.default.copyItem(atPath: away, toPath: keys)
            case .leadingElsewhere: #expect(symlink("..", keys) == 0)
            }
        }
    }

    @Test(arguments: Replacement.allCases)
    func nothingIsChangedInADirectoryThatThePathDoesNotName(replacement: Replacement) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(.fs, in: directory)
        for name in ["key", "other"] { try store.create(name, [1]) }
        try replacement.apply(in: directory)
        #expect(unlink(directory.path + "/keys.bak/other") == 0)
        #expect(try failure { try store.create("new", [1]) }.result == KESWICK_UNREACHABLE)
        #expect(try result { try store.delete("key") } == KESWICK_UNREACHABLE)
        // Not there any more, but perhaps where the path leads.
        #expect(try result { _ = try store.get("other") } == KESWICK_UNREACHABLE)
        #expect(try result { try store.delete("other") } == KESWICK_UNREACHABLE)
        #expect(try result { _ = try store.list() } == KESWICK_UNREACHABLE)
        #expect(try failure { try store.status() }.message.contains("removed or replaced"))
        #expect(try directory.entries("keys.bak") == ["key"])
        if replacement == .restoredFromACopy {
            // As the message says.
            #expect(try OpenKeystore(.fs, in: directory).list() == ["key", "other"])
        }
    }

    @Test func directoryThatOthersMayWriteToIsLogged() throws {
        let directory = try TemporaryDirectory()
        try makeKeys(directory)
        #expect(chmod(directory.path + "/keys", 0o770) == 0)
        let store = try OpenKeystore(.fs, in: directory)
        #expect(store.logLines.count == 1)
        #expect(store.logLines.allSatisfy { $0.contains("set its mode to 0700") })
    }

    @Test func leftoversAreRemovedUnlessSomebodyIsAtThem() throws {
        let directory = try TemporaryDirectory()
        try makeKeys(directory)
        for name in [".keswick-new-1", ".keswick-new-2", ".other-program", "key"] { try directory.write([1], to: "keys/" + name) }
        // Died between link and unlink: the second name of a whole entry.
        #expect(link(directory.path + "/keys/key", directory.path + "/keys/.keswick-new-3") == 0)
        let busy = open(directory.path + "/keys/.keswick-new-2", O_RDWR | O_CLOEXEC)
        #expect(flock(busy, LOCK_EX) == 0)
        let store = try OpenKeystore(.fs, in: directory)
        #expect(try directory.entries("keys") == [".keswick-new-2", ".other-program", "key"])
        #expect(try store.list() == ["key"])
        close(busy)
        _ = try OpenKeystore(.fs, in: directory)
        #expect(try directory.entries("keys") == [".other-program", "key"])
        #expect(try store.get("key") == [1])
    }
}
