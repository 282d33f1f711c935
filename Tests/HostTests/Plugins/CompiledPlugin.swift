import Glibc
import Host
import NIOConcurrencyHelpers
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

    func load() throws -> KeystorePlugin {
        // A process of the plugin's own is the command line's, and not the test program's.
        try PluginLoader.load(
            name, from: search, launcher: PluginLauncher(program: kesPath(), arguments: PluginLauncher.own.arguments))
    }

    /// The error that loading gives.
    func refusal() -> PluginError? {
        do {
            _ = try PluginLoader.load(name, from: search)
            return nil
        } catch { return error }
    }

    static func compile(_ source: String, to output: String, defines: [String] = [], flags: [String] = []) throws {
        let arguments = flags + defines.map { "-D\($0)" }
        // Many tests use the same plugin: it is compiled once, and each gets a file of its own.
        let known = compiled.withLockedValue { $0[[source] + arguments] }
        if let known {
            let descriptor = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o755)
            guard descriptor >= 0 else { throw SystemError("open \(output)", errno) }
            defer { close(descriptor) }
            guard write(descriptor, known, known.count) == known.count else { throw SystemError("write \(output)", errno) }
        } else {
            let result = try run(
                compiler,
                [
                    "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-I\(Repository.root)/Sources/PluginAPI/include",
                ]
                    + arguments + ["\(Repository.root)/Tests/HostTests/Fixtures/\(source)", "-o", output])
            guard result.code == 0 else { throw CompilerFailure(description: result.errorText) }
            let library = try readFile(output)
            compiled.withLockedValue { $0[[source] + arguments] = library }
        }
        // What the umask may have left to others makes a library untrusted.
        chmod(output, 0o755)
    }

    private static let compiled = NIOLockedValueBox<[[String]: [UInt8]]>([:])

    /// `cc` where there is one, else the clang that comes with the Swift toolchain.
    private static let compiler: String = {
        let found = ["cc", "clang", "gcc"].first { (try? run($0, ["--version"]))?.code == 0 }
        return found ?? "cc"
    }()

    struct CompilerFailure: Error, CustomStringConvertible {
        var description: String
    }
}
