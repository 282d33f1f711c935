import Glibc
import Host
import Logging
import SecureBytes
import TestSupport
import Testing

/// The bridge to a plugin in a process of its own gives the same answers as to one in this process.
@Suite("A call to a plugin in a process of its own", .timeLimit(.minutes(2)))
struct IsolatedBridgeTests {
    /// `Fixtures/keystore.c`, in a process of its own.
    private final class Isolated: Sendable {
        let bridge: KeystoreBridge
        let log = LogRecorder()
        private let plugin: CompiledPlugin

        init(flags: Int = 0, configuration: String = "{}") throws {
            plugin = try CompiledPlugin(
                "keystore.c", name: "scripted", defines: ["FLAGS=\(flags)"], extra: "isolation: process\n")
            bridge = try KeystoreBridge.open(
                plugin.load(), configuration: SecretBytes(text: configuration), timeout: .seconds(60), logger: log.logger)
        }

        deinit { bridge.close(within: .seconds(10)) }

        func create(_ name: String, _ value: SecretBytes) async -> Result<Void, KeystoreFailure> {
            await once { self.bridge.create(name, value: value, timeout: .seconds(60), completion: $0) }
        }

        func get(_ name: String, timeout: Duration = .seconds(60)) async -> Result<SecretBytes, KeystoreFailure> {
            await once { self.bridge.get(name, timeout: timeout, completion: $0) }
        }

        func delete(_ name: String) async -> Result<Void, KeystoreFailure> {
            await once { self.bridge.delete(name, timeout: .seconds(60), completion: $0) }
        }

        func list(_ prefix: String, after: String = "", limit: Int = 100) async -> Result<[String], KeystoreFailure> {
            await once { self.bridge.list(prefix: prefix, after: after, limit: limit, timeout: .seconds(60), completion: $0) }
        }

        func status() async -> Result<Duration, KeystoreFailure> {
            await once { self.bridge.status(timeout: .seconds(60), completion: $0) }
        }
    }

    @Test("what its table says is known without its code having run here", arguments: [0, 1, 2, 3])
    func description(flags: Int) throws {
        let keystore = try Isolated(flags: flags)
        #expect(keystore.bridge.plugin.name == "scripted")
        #expect(keystore.bridge.plugin.version == "1.2.3")
        #expect(keystore.bridge.plugin.isSerial == (flags & 1 != 0))
        #expect(keystore.bridge.plugin.isDurable == (flags & 2 != 0))
        #expect(dlopen(keystore.bridge.plugin.libraryPath, RTLD_NOW | RTLD_NOLOAD) == nil)
    }

    @Test("get gives the exact bytes that create stored, up to 1 MiB of any value")
    func roundTrip() async throws {
        let keystore = try Isolated()
        for count in [0, 1, 100, 1_048_575, 1_048_576] {
            let value = SecretBytes(count: count) { bytes in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
            }
            #expect(await keystore.create("key-\(count)", value).isSuccess)
            #expect(try await keystore.get("key-\(count)").get() == value)
        }
    }

    @Test("answers, pages, failures and log lines come through as they do without a process between")
    func sameAnswers() async throws {
        let keystore = try Isolated()
        #expect(await keystore.get("key").failure?.kind == .notFound)
        #expect(await keystore.delete("key").failure?.kind == .notFound)
        for name in ["b", "a-2", "a-1", "a-3"] { #expect(await keystore.create(name, SecretBytes(text: "x")).isSuccess) }
        #expect(await keystore.create("b", SecretBytes(text: "y")).failure?.kind == .exists)
        #expect(try await keystore.list("").get() == ["a-1", "a-2", "a-3", "b"])
        #expect(try await keystore.list("a-", after: "a-1", limit: 1).get() == ["a-2"])
        #expect(try await keystore.status().get() >= .zero)
        let kinds: [KeystoreFailure.Kind] = [.invalid, .unreachable, .timeout, .denied, .corrupt, .internal]
        for (code, kind) in zip(3..., kinds) {
            #expect(await keystore.get("code-\(code)").failure == KeystoreFailure(kind, "as the name says"))
        }
        for name in ["never-x", "twice-x", "large-x", "null-x", "code-42"] {
            #expect(await keystore.get(name).failure?.kind == .internal, "\(name)")
        }
        #expect(await keystore.list("unsorted").failure?.kind == .internal)
        // The plugin's first line, with what could forge another one escaped.
        #expect(keystore.log.messages(.info) == [#"keystore 'scripted': opened\u{a}forged line"#])
    }

    @Test("what open refuses, it refuses with its own message")
    func refusal() throws {
        let error = #expect(throws: PluginError.self) { try Isolated(configuration: #"{"pth":1}"#) }
        guard case .openFailed("scripted", let failure)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(failure == KeystoreFailure(.invalid, "the path is missing: give 'path'"))
    }

    @Test(
        "a process that talks nonsense, or nothing, is an error and no more",
        arguments: [
            "head -c 65536 /dev/urandom >&3", "head -c 65536 /dev/zero >&3", "printf x >&3", "echo sorry; exit 3",
        ])
    func nonsense(script: String) throws {
        let plugin = try CompiledPlugin("keystore.c", name: "scripted", extra: "isolation: process\n")
        let launcher = PluginLauncher(program: "/bin/sh", arguments: ["-c", script])
        let error = #expect(throws: PluginError.self) {
            try PluginLoader.load("scripted", from: plugin.search, launcher: launcher)
        }
        let reasons = [
            "the plugin ended its process at the start: it ended with code 0",
            "the plugin ended its process at the start: it ended with code 3, and had written: sorry",
            "the plugin's process gave an answer that makes no sense",
        ]
        #expect(reasons.contains { error == .processFailed(path: plugin.library, reason: $0) }, "\(String(describing: error))")
    }

    @Test("a process that cannot give up what it does not need loads nothing, and says why")
    func unconfined() throws {
        let plugin = try CompiledPlugin("keystore.c", name: "scripted", extra: "isolation: process\n")
        // It is told of a socket that it was not given.
        let script = "exec '\(kesPath())' plugin process 1 1073741824 1024"
        let error = #expect(throws: PluginError.self) {
            try PluginLoader.load(
                "scripted", from: plugin.search, launcher: PluginLauncher(program: "/bin/sh", arguments: ["-c", script]))
        }
        #expect(
            error
                == .processFailed(
                    path: plugin.library,
                    reason: "the plugin's process cannot be confined: fcntl(4, F_SETFD): Bad file descriptor"))
    }

    @Test("a call that returns TIMEOUT exactly at its deadline is heard, and not stuck")
    func onTime() async throws {
        let keystore = try Isolated()
        let failure = await keystore.get("punctual-key", timeout: .seconds(1)).failure
        #expect(failure == KeystoreFailure(.timeout, "gave up at the deadline"))
        #expect(keystore.log.messages(.error) == [])
    }

    @Test("a call that hangs is answered at its deadline, and some time later its process is replaced")
    func hang() async throws {
        let keystore = try Isolated(flags: 1)
        #expect(await keystore.get("slow-key", timeout: .seconds(1)).failure?.kind == .timeout)
        // With its one thread stuck the keystore counts as out of reach; then the process is ended, and another takes its place.
        // Three lines: the plugin's two starts, and that it runs again. The warning: the call has returned after all.
        await keystore.log.wait(for: 3, .info)
        await keystore.log.wait(for: 1, .warning)
        #expect(keystore.log.messages(.info).last == "keystore 'scripted': the plugin's process runs again")
        #expect(await keystore.status().isSuccess)
    }
}
