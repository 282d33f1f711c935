import CLinux
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

        init(defines: [String] = [], steadyAfter: Duration = .zero) throws {
            compiled = try CompiledPlugin(
                "keystore.c", name: "scripted", defines: ["HELPERS"] + defines, extra: "isolation: process\n")
            bridge = try KeystoreBridge.open(
                compiled.load(steadyAfter: steadyAfter), configuration: SecretBytes(text: "{}"), timeout: .seconds(60),
                logger: log.logger)
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

    /// A process that may be no child of this one.
    private final class Watched: Sendable {
        private let descriptor: Int32

        init(_ process: pid_t) throws {
            descriptor = keswick_open_process(process)
            guard descriptor >= 0 else { throw SystemError("pidfd_open", errno) }
        }

        deinit { close(descriptor) }

        /// Whether it ends, in a minute at most.
        func ends() async -> Bool {
            await onThread { [descriptor] in
                var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                return poll(&polled, 1, 60_000) == 1
            }
        }
    }

    @Test("that is killed is replaced, and its helpers neither hide its end nor outlive it")
    func helpers() async throws {
        let keystore = try Keystore()
        let processes = try await keystore.processes(1)
        let helpers = try processes.dropFirst().map { try Watched($0) }
        kill(processes[0], SIGKILL)
        for helper in helpers { #expect(await helper.ends()) }
        let next = try await keystore.processes(2)
        #expect(next[0] != processes[0])
        #expect(await keystore.get("key").failure?.kind == .notFound)
    }

    @Test("that is closed ends, and its helpers with it")
    func closes() async throws {
        let keystore = try Keystore()
        let watched = try await keystore.processes(1).map { try Watched($0) }
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closed)
        for process in watched { #expect(await process.ends()) }
    }

    @Test("that does not close in time is ended")
    func closeHangs() async throws {
        let keystore = try Keystore(defines: ["CLOSE_HANGS"])
        let watched = try await keystore.processes(1).map { try Watched($0) }
        #expect(await onThread { keystore.bridge.close(within: .milliseconds(100)) } == .closeStillRunning)
        for process in watched { #expect(await process.ends()) }
    }

    @Test("whose call does not return before the keystore is closed is ended")
    func callHangs() async throws {
        let keystore = try Keystore()
        let watched = try await keystore.processes(1).map { try Watched($0) }
        #expect(await keystore.get("slow-key", timeout: .milliseconds(50)).failure?.kind == .timeout)
        #expect(await onThread { keystore.bridge.close(within: .milliseconds(100)) } == .callsStillRunning(1))
        for process in watched { #expect(await process.ends()) }
    }

    @Test("that gives an answer too many is ended, and the answer is never taken for another's")
    func surplus() async throws {
        let keystore = try Keystore(defines: ["FLAGS=1"])
        #expect(await keystore.get("surplus-key").failure?.kind == .internal)
        _ = try await keystore.processes(2)
        #expect(await keystore.get("key").failure?.kind == .notFound)
        #expect(keystore.log.messages(.error).contains { $0.contains("an answer that nobody asked for") })
    }

    @Test("that does not stay is started again after longer and longer pauses")
    func pauses() async throws {
        let keystore = try Keystore(steadyAfter: .seconds(3600))
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
