import Glibc
import Host
import Logging
import SecureBytes
import Synchronization
import TestSupport

/// A plugin in C that a test compiled into a directory of its own, with its manifest beside it.
struct CompiledPlugin {
    let directory: TemporaryDirectory
    let name: String
    var library: String { directory.file("lib\(name).so") }
    var manifest: String { directory.file("\(name).yml") }
    var search: PluginDirectory { PluginDirectory(explicit: directory.path, program: nil) }

    /// Compiles `source`, a file of `Fixtures`.
    ///
    /// - Parameters:
    ///   - defines: macros, `NAME=VALUE`.
    ///   - extra: lines for the manifest.
    init(
        _ source: String, name: String, defines: [String] = [], extra: String = "", in directory: TemporaryDirectory? = nil
    ) throws {
        self.directory = try directory ?? TemporaryDirectory("keswick-plugin")
        self.name = name
        try Self.compile(source, to: library, defines: ["NAME=\"\(name)\""] + defines)
        try writeManifest("name: \(name)\nlibrary: lib\(name).so\n\(extra)")
    }

    func writeManifest(_ text: String) throws {
        try directory.write(text, to: "\(name).yml", mode: 0o644)
    }

    func load() throws -> KeystorePlugin { try PluginLoader.load(name, from: search) }

    /// The error that loading gives.
    func refusal() -> PluginError? {
        do {
            _ = try PluginLoader.load(name, from: search)
            return nil
        } catch { return error }
    }

    static func compile(_ source: String, to output: String, defines: [String] = [], flags: [String] = []) throws {
        // This file is in Tests/HostTests/Plugins.
        var root = #filePath[...]
        for _ in 0..<4 { root = root[..<(root.lastIndex(of: "/") ?? root.startIndex)] }
        let result = try run(
            Self.compiler,
            ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-I\(root)/Sources/PluginAPI/include"]
                + flags + defines.map { "-D\($0)" } + ["\(root)/Tests/HostTests/Fixtures/\(source)", "-o", output])
        guard result.code == 0 else { throw CompilerFailure(description: result.errorText) }
        // What the umask may have left to others makes a library untrusted.
        chmod(output, 0o755)
    }

    /// `cc` where there is one, else the clang that comes with the Swift toolchain.
    private static let compiler: String = {
        let found = ["cc", "clang", "gcc"].first { (try? run($0, ["--version"]))?.code == 0 }
        return found ?? "cc"
    }()

    struct CompilerFailure: Error, CustomStringConvertible {
        var description: String
    }
}

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
    func mostRunning() -> Int32 { control.call("test_most_running") }

    /// Returns when so many calls stand at the gate.
    func waitUntilBlocked(_ count: Int32) async {
        _ = await onThread { [control] in control.call("test_wait_until_blocked", count) }
    }

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

/// Awaits a completion. The continuation traps when it runs twice.
func once<Value: Sendable>(_ start: @escaping (@escaping @Sendable (Value) -> Void) -> Void) async -> Value {
    await withCheckedContinuation { continuation in start { continuation.resume(returning: $0) } }
}

private final class Start: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs what blocks on a thread of its own, so that the test's thread pool stays free.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        let start = Unmanaged.passRetained(Start { continuation.resume(returning: body()) })
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, start.toOpaque())
        precondition(result == 0, "no thread")
        pthread_detach(thread)
    }
}

/// Collects what is logged.
final class LogRecorder: Sendable {
    private let storage = Mutex<[(level: Logger.Level, message: String)]>([])

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    func messages(_ level: Logger.Level) -> [String] {
        storage.withLock { $0.filter { $0.level == level }.map(\.message) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.storage.withLock { $0.append((event.level, "\(event.message)")) }
        }
    }
}

extension SecretBytes {
    convenience init(text: String) {
        let bytes = Array(text.utf8)
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// What the bytes are, for comparisons in tests, where nothing is secret.
    var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

extension Result where Failure == KeystoreFailure {
    var failure: KeystoreFailure? {
        if case .failure(let failure) = self { return failure }
        return nil
    }

    var isSuccess: Bool { failure == nil }
}
