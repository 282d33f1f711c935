import Glibc
import TestSupport
import Testing

/// `kes plugin check` of a keystore that somebody uses: its configuration names no `{dir}`.
@Suite(.timeLimit(.minutes(5))) struct KeptKeystoreTests {
    @Test(
        "All checks together leave the keys that were there, and no others", .disabled(if: isSanitized),
        arguments: [[], ["--durable", "--only", "durable.kill", "--only", "close.reopen"]])
    func leavesNothingBehind(_ arguments: [String]) throws {
        // In memory where there is some: ten thousand synced files take a minute on a disk.
        var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/keswick-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let keystore = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { _ = try? run("rm", ["-rf", keystore]) }
        // The last is as short as the shortest name that a check tries.
        try #require(try run("touch", ["key", "kc-1", "./-"], directory: keystore).code == 0)
        let result = try run(
            kesPath(),
            ["plugin", "check", "\(buildDirectory())/libFSStore.so", "--config", "{\"path\":\"\(keystore)\"}"] + arguments)
        #expect(result.code == 0, "\(result.text)")
        // The keystore has a file for each key, by its name.
        #expect(try run("ls", ["-A", keystore], environment: ["LC_ALL": "C"]).text == "-\nkc-1\nkey\n")
    }

    @Test("What a plugin that ends its process has left is removed at the end, and no key of others")
    func crash() throws {
        let directory = try TemporaryDirectory()
        let keystore = directory.file("keys")
        try #require(mkdir(keystore, 0o700) == 0)
        try directory.write("somebody's value", to: "keys/my-kc7-key")
        let library = try ConformanceTests.compile("EXITS_AT_THE_SECOND_CREATE", into: directory)
        let result = try run(
            kesPath(),
            [
                "plugin", "check", library, "--config", "{\"path\":\"\(keystore)\"}", "--seed", "7", "--only", "create.exists",
                "--only", "close.reopen",
            ])
        #expect(result.code == 1)
        #expect(
            result.text.contains("the process ended with code 0 in or after create(), in the check close.reopen"),
            "\(result.text)")
        #expect(result.errorText.isEmpty, "\(result.errorText)")
        #expect(try run("ls", ["-A", keystore]).text == "my-kc7-key\n")
    }

    @Test("What cannot be removed after a hang is told of")
    func hang() throws {
        let directory = try TemporaryDirectory()
        let (check, _) = try InterruptionTests.hangingCheck(
            in: directory, ["--config", "{}", "--seed", "7", "--only", "create.stores", "--timeout", "1"], inCreate: true)
        let (output, error) = check.collect()
        #expect(check.wait() == 1)
        #expect(String(decoding: output, as: UTF8.self).contains("create() did not return within the 1 s of the check"))
        #expect(String(decoding: error, as: UTF8.self) == Self.left)
    }

    @Test("A check that a signal ends removes its names, and no key of others", arguments: [SIGINT, SIGTERM])
    func signal(_ number: Int32) throws {
        let directory = try TemporaryDirectory()
        let keystore = directory.file("keys")
        try #require(mkdir(keystore, 0o700) == 0)
        // Somebody's key that has the check's letters in its name.
        try directory.write("somebody's value", to: "keys/my-kc7-key")
        let check = try Subprocess(
            kesPath(),
            [
                "plugin", "check", "\(buildDirectory())/libFSStore.so", "--config", "{\"path\":\"\(keystore)\"}", "--seed", "7",
                "--only", "list.pages",
            ])
        func names() throws -> [Substring] { try run("ls", ["-A", keystore]).text.split(separator: "\n") }
        while try names().count(where: { $0.contains("kc7-") }) < 100 { try #require(!check.hasEnded) }
        check.signal(number)
        #expect(check.wait() == -number)
        #expect(try names() == ["my-kc7-key"])
        let said = String(decoding: check.collect().error, as: UTF8.self)
        #expect(said == Self.interrupted)
    }

    @Test("Where it cannot remove them it says which may be left, and why", arguments: [SIGINT, SIGTERM])
    func signalThatLeavesNames(_ number: Int32) throws {
        let directory = try TemporaryDirectory()
        let (check, _) = try InterruptionTests.hangingCheck(
            in: directory, ["--config", "{}", "--seed", "7", "--only", "create.stores"], inCreate: true)
        check.signal(number)
        #expect(check.wait() == -number)
        let said = String(decoding: check.collect().error, as: UTF8.self)
        #expect(said == Self.interrupted + Self.left)
    }

    @Test("Before anything was made, there is nothing to remove", arguments: [SIGINT])
    func signalAtTheFirstOpen(_ number: Int32) throws {
        let directory = try TemporaryDirectory()
        let (check, _) = try InterruptionTests.hangingCheck(in: directory, ["--config", "{}", "--seed", "7"])
        check.signal(number)
        #expect(check.wait() == -number)
        #expect(check.collect().error.isEmpty)
    }

    private static let interrupted =
        "\nInterrupted: removing the keys of this check, whose names hold \"kc7-\"; another signal leaves them there\n"
    private static let left = "Keys whose names hold \"kc7-\" may be left in the keystore: list() answered INTERNAL\n"
}
