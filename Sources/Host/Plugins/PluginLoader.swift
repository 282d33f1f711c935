import Glibc
import NIOConcurrencyHelpers
import PluginAPI

/// A plugin whose library is loaded and whose table was checked. It stays loaded until the process ends.
package struct KeystorePlugin: @unchecked Sendable {
    // `@unchecked Sendable` holds because the header makes the table, and what it points to, constant until the process ends.
    package let name: String
    /// The plugin's own version, for people.
    package let version: String
    /// The interface that the plugin was compiled for.
    package let abiVersion: UInt32
    /// Absolute path of the library.
    package let libraryPath: String
    /// Whether only one function of an instance may run at a time.
    package let isSerial: Bool
    /// Whether the plugin claims that what it stored survives a crash of the machine.
    package let isDurable: Bool
    /// Nil when the library is loaded in a process of its own only.
    let table: keswick_keystore?
    /// What that process is told, and how it is started; nil when the library is loaded in this one.
    let isolation: (order: LibraryOrder, launcher: PluginLauncher)?

    var description: PluginDescription {
        PluginDescription(name: name, version: version, abiVersion: abiVersion, isSerial: isSerial, isDurable: isDurable)
    }

    /// Whether the library is loaded in a process of its own.
    package var isIsolated: Bool { isolation != nil }
}

/// Finds, checks and loads plugins.
package enum PluginLoader {
    /// Which file each library that this process loaded was, by path: the dynamic linker answers a path that it knows with the
    /// library that it has, also when another file has taken its place.
    private static let loaded = NIOLockedValueBox<[String: TrustedFile.Stamp]>([:])

    /// Loads the keystore plugin `name`.
    ///
    /// Nothing of the library runs before its manifest, its owner, its digest and its format were checked.
    ///
    /// - Parameter launcher: how to start the plugin's own process, if its manifest asks for one.
    package static func load(
        _ name: String, from directory: PluginDirectory, launcher: PluginLauncher = .own
    ) throws(PluginError) -> KeystorePlugin {
        try load(directory.manifest(for: name), from: directory, launcher: launcher)
    }

    static func load(
        _ manifest: PluginManifest, from directory: PluginDirectory, launcher: PluginLauncher = .own
    ) throws(PluginError) -> KeystorePlugin {
        let library = try directory.library(of: manifest)
        if let expected = manifest.sha256 {
            let actual = try LibraryDigest.hexadecimal(of: library)
            guard actual == expected else { throw .wrongDigest(path: library.path, expected: expected, actual: actual) }
        }
        try ElfHeader.check(library)
        if manifest.isolation == .process {
            let order = LibraryOrder(manifest: manifest, libraryPath: library.path)
            let description = try IsolatedPlugin.describe(order, launcher)
            return KeystorePlugin(
                name: description.name, version: description.version, abiVersion: description.abiVersion,
                libraryPath: library.path,
                isSerial: description.isSerial, isDurable: description.isDurable, table: nil, isolation: (order, launcher))
        }
        return try plugin(in: library, handle: try open(library), manifest: manifest)
    }

    /// Loads by path and not as `/proc/self/fd/N`, which would break `$ORIGIN` in the library's search path, and the dynamic
    /// linker would take a second library under the same number for the first. The path is as good: nobody but root and the
    /// server's user can change what it names, and that they did not meanwhile is checked here.
    private static func open(_ library: TrustedFile) throws(PluginError) -> UnsafeMutableRawPointer {
        let known = loaded.withLockedValue { $0[library.path] }
        guard known == nil || known == library.stamp, library.isStillInPlace() else { throw .replaced(path: library.path) }
        guard let handle = dlopen(library.path, RTLD_NOW | RTLD_LOCAL) else {
            let reason = dlerror().map { String(cString: $0) } ?? "the dynamic linker does not say why"
            throw .loadFailed(path: library.path, reason: reason)
        }
        loaded.withLockedValue { $0[library.path] = library.stamp }
        guard library.isStillInPlace() else { throw .replaced(path: library.path) }
        return handle
    }

    private static func plugin(
        in library: TrustedFile, handle: UnsafeMutableRawPointer, manifest: PluginManifest
    ) throws(PluginError) -> KeystorePlugin {
        guard let symbol = dlsym(handle, KESWICK_ENTRY_SYMBOL) else { throw .noEntryPoint(path: library.path) }
        typealias EntryPoint = @convention(c) () -> UnsafePointer<keswick_keystore>?
        // The header gives this type to the symbol of this name; nothing better is known of a C symbol.
        let entryPoint = unsafeBitCast(symbol, to: EntryPoint.self)
        guard let address = entryPoint() else {
            throw .malformedTable(path: library.path, problem: "\(KESWICK_ENTRY_SYMBOL)() returned NULL")
        }
        let table = try PluginTable.copy(address, path: library.path)
        let name = try PluginTable.text(table.name, field: "name", path: library.path)
        // Whoever only looks at a library does not know its name.
        guard name == manifest.name || manifest.name.isEmpty else {
            throw .wrongName(path: library.path, manifest: manifest.name, plugin: name)
        }
        return KeystorePlugin(
            name: name, version: try PluginTable.text(table.version, field: "version", path: library.path),
            abiVersion: table.abi_version, libraryPath: library.path, isSerial: table.flags & PluginTable.serialFlag != 0,
            isDurable: table.flags & PluginTable.durableFlag != 0, table: table, isolation: nil)
    }
}
