import Glibc
import Host
import TestSupport
import Testing

@Suite("The plugin loader")
struct PluginLoaderTests {
    private func broken(_ defines: String...) throws -> CompiledPlugin {
        try CompiledPlugin("table.c", name: "broken", defines: defines)
    }

    @Test("loads a plugin that is as its manifest says")
    func loads() throws {
        let plugin = try CompiledPlugin("keystore.c", name: "good", defines: ["FLAGS=3"])
        let loaded = try plugin.load()
        #expect(loaded.name == "good")
        #expect(loaded.version == "1.2.3")
        #expect(loaded.abiVersion == 1)
        #expect(loaded.libraryPath == plugin.library)
        #expect(loaded.isSerial)
        #expect(loaded.isDurable)
    }

    @Test("says where it looked when there is no manifest")
    func noManifest() throws {
        let directory = try TemporaryDirectory()
        let search = PluginDirectory(explicit: directory.path, program: nil)
        let expected = PluginError.manifestNotFound(name: "fs", searched: [directory.path], known: [])
        #expect(throws: expected) { try PluginLoader.load("fs", from: search) }
        #expect("\(expected)".contains("KES_PLUGINS"))
    }

    @Test(
        "takes no path for a plugin's name", arguments: ["", "../fs", "a/b", "FS", "fs.yml", String(repeating: "a", count: 65)])
    func invalidName(name: String) {
        #expect(throws: PluginError.invalidName(name)) {
            try PluginLoader.load(name, from: PluginDirectory(explicit: "/", program: nil))
        }
    }

    @Test("refuses a manifest whose file has another plugin's name")
    func manifestUnderOtherName() throws {
        let directory = try TemporaryDirectory()
        try directory.write("name: mem\nlibrary: a.so", to: "fs.yml", mode: 0o644)
        #expect {
            try PluginLoader.load("fs", from: PluginDirectory(explicit: directory.path, program: nil))
        } throws: { "\($0)".contains("its 'name' is 'mem', but the file's name says 'fs'") }
    }

    @Test("says where it looked when there is no library")
    func noLibrary() throws {
        let plugin = try broken()
        unlink(plugin.library)
        let directory = plugin.directory.path
        #expect(
            plugin.refusal()
                == .libraryNotFound(
                    manifest: plugin.manifest, library: "libbroken.so", searched: [directory, "\(directory)/../lib/kes"]))
        try plugin.writeManifest("name: broken\nlibrary: /nowhere/libbroken.so")
        #expect(
            plugin.refusal()
                == .libraryNotFound(manifest: plugin.manifest, library: "/nowhere/libbroken.so", searched: ["/nowhere"]))
    }

    @Test("refuses a library whose digest is not the manifest's, and runs none of its code")
    func digest() throws {
        let directory = try TemporaryDirectory()
        let trace = directory.file("trace")
        let plugin = try CompiledPlugin("table.c", name: "broken", defines: ["TRACE=\"\(trace)\""], in: directory)
        let actual = try #require(try run("sha256sum", [plugin.library]).text.split(separator: " ").first.map(String.init))
        let wrong = String(repeating: "0", count: 64)
        try plugin.writeManifest("name: broken\nlibrary: libbroken.so\nsha256: \(wrong)")
        #expect(plugin.refusal() == .wrongDigest(path: plugin.library, expected: wrong, actual: actual))
        #expect(access(trace, F_OK) != 0)

        try plugin.writeManifest("name: broken\nlibrary: libbroken.so\nsha256: \(actual)")
        #expect(plugin.refusal() == nil)
        #expect(access(trace, F_OK) == 0)
    }

    @Test("refuses a library without the entry point")
    func noEntryPoint() throws {
        let plugin = try broken("SYMBOL=something_else")
        #expect(plugin.refusal() == .noEntryPoint(path: plugin.library))
    }

    @Test("refuses another version of the interface and names both", arguments: [0, 2, UInt32.max])
    func otherVersion(version: UInt32) throws {
        let plugin = try broken("ABI=\(version)u")
        let refusal = plugin.refusal()
        #expect(refusal == .unsupportedABI(path: plugin.library, version: version))
        #expect(
            refusal.map { "\($0)" }?.contains("speaks version \(version) of the plugin interface, this server version 1") == true)
    }

    @Test("refuses a table that is shorter than the first release's, and takes a longer one")
    func tableSize() throws {
        let short = try broken("SIZE=72")
        #expect(short.refusal() == .shortTable(path: short.library, size: 72))
        #expect(try broken("SIZE=sizeof(table)").refusal() == nil)
    }

    @Test("refuses a table with a missing function")
    func missingFunction() throws {
        let plugin = try broken("GET=NULL")
        #expect(plugin.refusal() == .missingFunction(path: plugin.library, function: "get"))
    }

    @Test("refuses flags that it does not know")
    func unknownFlags() throws {
        let plugin = try broken("FLAGS=34")
        #expect(plugin.refusal() == .unknownFlags(path: plugin.library, flags: 32))
    }

    @Test("refuses a missing table, and a name or version that is missing or endless")
    func malformedTable() throws {
        let absent = try broken("RETURNED=NULL")
        #expect(
            absent.refusal() == .malformedTable(path: absent.library, problem: "keswick_keystore_plugin() returned NULL"))
        let versionless = try broken("VERSION=NULL")
        #expect(versionless.refusal() == .malformedTable(path: versionless.library, problem: "its table has no 'version'"))
        let endless = try broken("VERSION=\"\(String(repeating: "v", count: 300))\"")
        #expect(
            endless.refusal()
                == .malformedTable(path: endless.library, problem: "the 'version' in its table is longer than 255 bytes"))
    }

    @Test("refuses a plugin with another name than its manifest's")
    func wrongName() throws {
        let directory = try TemporaryDirectory()
        let plugin = try CompiledPlugin("table.c", name: "other", in: directory)
        try directory.write("name: broken\nlibrary: libother.so", to: "broken.yml", mode: 0o644)
        #expect(throws: PluginError.wrongName(path: plugin.library, manifest: "broken", plugin: "other")) {
            try PluginLoader.load("broken", from: plugin.search)
        }
    }

    @Test("says what the dynamic linker says when a library's symbols cannot be found")
    func unresolved() throws {
        let plugin = try broken("GET=nowhere_defined")
        guard case .loadFailed(_, let reason)? = plugin.refusal() else {
            Issue.record("loaded with an unresolved symbol")
            return
        }
        #expect(reason.contains("nowhere_defined"))
    }

    @Test("finds what a library depends on beside it ($ORIGIN)")
    func origin() throws {
        let directory = try TemporaryDirectory()
        try CompiledPlugin.compile("table.c", to: directory.file("libneeded.so"), defines: ["SYMBOL=needed"])
        let plugin = try CompiledPlugin("keystore.c", name: "dependent", in: directory)
        unlink(plugin.library)
        try CompiledPlugin.compile(
            "keystore.c", to: plugin.library, defines: ["NAME=\"dependent\""],
            flags: ["-L\(directory.path)", "-Wl,--no-as-needed", "-lneeded", "-Wl,-rpath,$ORIGIN"])
        #expect(plugin.refusal() == nil)
    }

    @Test("does not take a library that replaced a loaded one for it")
    func replaced() throws {
        let plugin = try CompiledPlugin("keystore.c", name: "good")
        #expect(plugin.refusal() == nil)
        #expect(plugin.refusal() == nil, "the same file once more is fine")
        // A new file beside it, renamed over it: as a package manager does it.
        try CompiledPlugin.compile("keystore.c", to: plugin.directory.file("new"), defines: ["NAME=\"good\""])
        #expect(rename(plugin.directory.file("new"), plugin.library) == 0)
        #expect(plugin.refusal() == .replaced(path: plugin.library))
    }
}
