import Glibc
import Host
import SecureBytes
import TestSupport
import Testing

/// What becomes of a plugin's own process, and of what it has started, when it ends or must be ended.
@Suite("A plugin's own process", .timeLimit(.minutes(2)))
struct IsolatedProcessTests {
    /// `Fixtures/keystore.c`, whose `open` starts helpers and says which.
    private final class Keystore: Sendable {
        let bridge: KeystoreBridge
        let log = LogRecorder()
        let compiled: CompiledPlugin

        /// - Parameter steady: for the manifest.
        init(defines: [String] = [], steady: String = "0s") throws {
            compiled = try CompiledPlugin(
                "keystore.c", name: "scripted", defines: ["HELPERS"] + defines,
                extra: "isolation: process\nsteady: \(steady)\n")
            bridge = try KeystoreBridge.open(
                compiled.load(), configuration: SecretBytes(text: "{}"), timeout: .seconds(60), logger: log.logger)
        }

        deinit { bridge.close(within: .seconds(10)) }

        func get(_ name: String, timeout: Duration = .seconds(60)) async -> Result<SecretBytes, KeystoreFailure> {
            await once { self.bridge.get(name, timeout: timeout, completion: $0) }
        }

        /// The numbers of the process that was started as the `number`th, from 1, and of its two helpers.
        func processes(_ number: Int) async throws -> [pid_t] {
            // Each start logs two lines, and each but the first is followed by one of the server's.
            await log.wait(for: 3 * number - 1, .info)
            let lines = log.messages(.info).filter { $0.contains("started ") }
            let processes = lines[number - 1].split(separator: " ").suffix(3).compactMap { pid_t($0) }
            try #require(processes.count == 3)
            return processes
        }
    }

    @Test("that is killed is replaced, and its helpers neither hide its end nor outlive it")
    func helpers() async throws {
        let keystore = try Keystore()
        let processes = try await keystore.processes(1)
        let helpers = try processes.dropFirst().map { try WatchedProcess($0) }
        kill(processes[0], SIGKILL)
        for helper in helpers { #expect(await onThread { helper.ends() }) }
        let next = try await keystore.processes(2)
        #expect(next[0] != processes[0])
        #expect(await keystore.get("key").failure?.kind == .notFound)
    }

    @Test("that is closed ends, and its helpers with it")
    func closes() async throws {
        let keystore = try Keystore()
        let watched = try await keystore.processes(1).map { try WatchedProcess($0) }
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closed)
        for process in watched { #expect(await onThread { process.ends() }) }
    }

    @Test("that does not close in time is ended")
    func closeHangs() async throws {
        let keystore = try Keystore(defines: ["CLOSE_HANGS"])
        let watched = try await keystore.processes(1).map { try WatchedProcess($0) }
        #expect(await onThread { keystore.bridge.close(within: .milliseconds(100)) } == .closeStillRunning)
        for process in watched { #expect(await onThread { process.ends() }) }
    }

    @Test("that logs without a pause instead of opening is given up in time")
    func chatter() async throws {
        let compiled = try CompiledPlugin(
            "keystore.c", name: "scripted", defines: ["CHATTERS"], extra: "isolation: process\n")
        let log = LogRecorder()
        await onThread {
            #expect(throws: PluginError.self) {
                try KeystoreBridge.open(
                    compiled.load(), configuration: SecretBytes(text: "{}"), timeout: .seconds(1), logger: log.logger)
            }
        }
        // Its process ends as well, and with it the lines.
        var count: Int
        repeat {
            count = log.messages(.info).count
            try await Task.sleep(for: .milliseconds(100))
        } while log.messages(.info).count > count
    }

    @Test("whose call does not return before the keystore is closed is ended")
    func callHangs() async throws {
        let keystore = try Keystore()
        let watched = try await keystore.processes(1).map { try WatchedProcess($0) }
        async let call = keystore.get("stuck-key")
        // The plugin's two lines of its start, and that it is in the call.
        await keystore.log.wait(for: 3, .info)
        #expect(await onThread { keystore.bridge.close(within: .milliseconds(100)) } == .callsStillRunning(1))
        #expect(await call.failure?.kind == .unreachable)
        for process in watched { #expect(await onThread { process.ends() }) }
    }

    @Test("that gives an answer too many is ended, and the answer is never taken for another's")
    func surplus() async throws {
        let keystore = try Keystore(defines: ["FLAGS=1"])
        #expect(await keystore.get("surplus-key").failure?.kind == .internal)
        _ = try await keystore.processes(2)
        #expect(await keystore.get("key").failure?.kind == .notFound)
        #expect(keystore.log.messages(.error).contains { $0.contains("an answer that nobody asked for") })
    }

    @Test("writes nothing but lines of the error log, which are its own, harmless and short")
    func output() async throws {
        let keystore = try Keystore()
        #expect(await keystore.get("shout-key").failure?.kind == .notFound)
        await keystore.log.wait(for: 4, .warning)
        // What has no end is a line when the process ends.
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closed)
        let lines = keystore.log.messages(.warning)
        #expect(
            lines
                == [
                    "the plugin's output", "the plugin's errors", #"{"time":"2026-01-01"}\u{1b}[31m"#,
                    String(repeating: "0", count: 1024) + " …", "no end",
                ].map { "keystore 'scripted': its process wrote: \($0)" })
    }

    @Test("that fails says why, also when it can only write to standard error")
    func lastWords() async throws {
        let keystore = try Keystore()
        #expect(await keystore.get("abort-key").failure?.kind == .unreachable)
        await keystore.log.wait(for: 1, .error)
        #expect(
            keystore.log.messages(.warning) == [
                "keystore 'scripted': its process wrote: assertion failed: the heap is whole"
            ])
        #expect(keystore.log.messages(.error)[0].contains("it was ended by signal 6 (Aborted)"))
    }

    @Test("that does not stay is started again after longer and longer pauses")
    func pauses() async throws {
        let keystore = try Keystore(steady: "1h")
        for number in 1...3 { kill(try await keystore.processes(number)[0], SIGKILL) }
        _ = try await keystore.processes(4)
        let ends = keystore.log.messages(.error)
        #expect(
            ends.map { $0.split(separator: " ").suffix(3).joined(separator: " ") } == [
                "in 0.1 seconds", "in 0.2 seconds", "in 0.4 seconds",
            ])
    }

    @Test("is not started again with a library that promises something else", arguments: [1, 2])
    func changed(flags: Int) async throws {
        let keystore = try Keystore()
        let library = keystore.compiled.library
        let first = try await keystore.processes(1)[0]
        let other = keystore.compiled.directory.file("other.so")
        try CompiledPlugin.compile("keystore.c", to: other, defines: ["NAME=\"scripted\"", "HELPERS", "FLAGS=\(flags)"])
        #expect(rename(library, library + ".first") == 0 && rename(other, library) == 0)
        kill(first, SIGKILL)
        await keystore.log.wait(for: 2, .error)
        #expect(keystore.log.messages(.error)[1].contains("is now another one: it was 'scripted'"))
        #expect(await keystore.get("key").failure?.kind == .unreachable)
        #expect(rename(library + ".first", library) == 0)
        _ = try await keystore.processes(2)
        #expect(await keystore.get("key").failure?.kind == .notFound)
    }
}
