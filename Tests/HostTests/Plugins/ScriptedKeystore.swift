import Glibc
import Host
import SecureBytes
import TestSupport

/// A keystore of `Fixtures/keystore.c`, open, and the strings that a test pulls to play with it.
final class ScriptedKeystore: Sendable {
    enum Operation: Int32 { case create, get, remove, list, status, open, close }

    let bridge: KeystoreBridge
    let log = LogRecorder()
    private let plugin: CompiledPlugin
    private let control: PluginControl

    init(
        flags: UInt64 = 0, limits: KeystoreBridge.Limits = .init(), timeout: Duration = .seconds(60)
    ) throws {
        plugin = try CompiledPlugin("keystore.c", name: "scripted", defines: ["FLAGS=\(flags)"])
        bridge = try KeystoreBridge.open(
            plugin.load(), configuration: SecretBytes(text: "{}"), limits: limits, timeout: timeout, logger: log.logger)
        control = try PluginControl(plugin.library)
    }

    deinit {
        // A test that failed may have left calls at the gate.
        control.openGate()
        bridge.close(within: .seconds(10))
    }

    func openGate() { control.openGate() }
    func closeGate() { control.call("test_close_gate") }
    func force(_ result: Int32) { control.call("test_force", result) }
    func calls(_ operation: Operation) -> Int32 { control.call("test_calls", operation.rawValue) }
    func threads() -> Int32 { control.call("test_threads") }
    func mostRunning() -> Int32 { control.call("test_most_running") }

    /// Returns when so many calls stand at the gate.
    func waitUntilBlocked(_ count: Int32) async {
        _ = await onThread { [control] in control.call("test_wait_until_blocked", count) }
    }

    /// Has the plugin do what a function of `Fixtures/sinks.h` does.
    func play(_ function: String) { control.call(function) }

    // The calls, awaited.

    func create(_ name: String, _ value: SecretBytes, timeout: Duration = .seconds(60)) async -> Result<Void, KeystoreFailure> {
        await once { self.bridge.create(name, value: value, timeout: timeout, completion: $0) }
    }

    func get(_ name: String, timeout: Duration = .seconds(60)) async -> Result<SecretBytes, KeystoreFailure> {
        await once { self.bridge.get(name, timeout: timeout, completion: $0) }
    }

    func delete(_ name: String, timeout: Duration = .seconds(60)) async -> Result<Void, KeystoreFailure> {
        await once { self.bridge.delete(name, timeout: timeout, completion: $0) }
    }

    func list(_ prefix: String, after: String = "", limit: Int = 100) async -> Result<[String], KeystoreFailure> {
        await once { self.bridge.list(prefix: prefix, after: after, limit: limit, timeout: .seconds(60), completion: $0) }
    }

    func status() async -> Result<Duration, KeystoreFailure> {
        await once { self.bridge.status(timeout: .seconds(60), completion: $0) }
    }
}

/// The `test_…` functions of a loaded library.
final class PluginControl: @unchecked Sendable {
    // `@unchecked Sendable` holds because a handle of dlopen may be used by any thread, and the functions lock.
    private let handle: UnsafeMutableRawPointer

    init(_ path: String) throws {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD) else { throw SystemError("dlopen \(path)", ENOENT) }
        self.handle = handle
    }

    func openGate() { call("test_open_gate") }

    /// Calls `int name(int)`. A function that takes or returns nothing ignores the register of either.
    @discardableResult
    func call(_ name: String, _ argument: Int32 = 0) -> Int32 {
        guard let symbol = dlsym(handle, name) else { fatalError("the fixture has no \(name)") }
        return unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)(argument)
    }
}
