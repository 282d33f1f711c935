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
        let keystore = String(cString: try #require(mkdtemp(&template)))
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

    @Test("A check that a signal ends says which names it may have left", arguments: [SIGINT, SIGTERM])
    func signal(_ number: Int32) throws {
        let directory = try TemporaryDirectory()
        let (check, _) = try InterruptionTests.hangingCheck(in: directory, ["--config", "{}", "--seed", "7"])
        check.signal(number)
        #expect(check.wait() == -number)
        let said = String(decoding: check.collect().error, as: UTF8.self)
        #expect(said == "\nInterrupted: keys whose names hold \"kc7-\" may be left in the keystore\n")
    }
}
