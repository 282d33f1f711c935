import Glibc
import TestSupport
import Testing

/// `kes plugin check` that does not come to its end.
@Suite(.timeLimit(.minutes(3))) struct InterruptionTests {
    @Test(
        "A check that a signal ends leaves no process and no directory behind; killed, no worker",
        arguments: [SIGINT, SIGTERM, SIGHUP, SIGKILL])
    func signal(_ number: Int32) throws {
        let directory = try TemporaryDirectory()
        let temporary = directory.file("tmp")
        try #require(mkdir(temporary, 0o700) == 0)
        let (check, words) = try Self.hangingCheck(
            in: directory, ["--config", #"{"path":"{dir}"}"#, "--json"], environment: ["TMPDIR": temporary])
        let worker = try WatchedProcess(try #require(pid_t(words[0])))
        let helper = try WatchedProcess(try #require(pid_t(words[1])))
        let place = String(words[2].split(separator: "\"")[3])
        #expect(access(place, F_OK) == 0)
        check.signal(number)
        #expect(check.wait() == -number)
        #expect(worker.ends())
        #expect(check.readError() == [], "there is nothing to say of what was removed")
        guard number != SIGKILL else {
            kill(try #require(pid_t(words[1])), SIGKILL)
            #expect(try run("rm", ["-rf", String(place.prefix(upTo: try #require(place.lastIndex(of: "/"))))]).code == 0)
            return
        }
        #expect(helper.ends())
        #expect(access(place, F_OK) != 0)
        #expect(rmdir(temporary) == 0, "something is left in the directory for temporary files")
    }

    /// Starts the check of a keystore whose open() never returns, or its create(), and waits for that call.
    ///
    /// - Returns: also the pid of the worker, that of a process that the plugin has started, and the configuration, or the name.
    static func hangingCheck(
        in directory: TemporaryDirectory, _ arguments: [String], inCreate: Bool = false, environment: [String: String?] = [:]
    ) throws -> (check: Subprocess, words: [Substring]) {
        let fifo = directory.file("fifo")
        try #require(mkfifo(fifo, 0o600) == 0)
        let library = directory.file("libhanging.so")
        let root = Repository.root
        let compiled = try run(
            "gcc",
            [
                "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-DFIFO=\"\(fifo)\"", "-I\(root)/Sources/PluginAPI/include",
                "\(root)/Tests/ConformanceTests/Fixtures/hanging.c", "-o", library,
            ] + (inCreate ? ["-DIN_CREATE"] : []))
        try #require(compiled.code == 0, "\(compiled.errorText)")
        let check = try Subprocess(kesPath(), ["plugin", "check", library] + arguments, environment: environment)
        // Opens when the plugin does, in its first call.
        let words = String(decoding: try readFile(fifo), as: UTF8.self).split(separator: " ", maxSplits: 2)
        try #require(words.count == 3)
        return (check, words)
    }
}
