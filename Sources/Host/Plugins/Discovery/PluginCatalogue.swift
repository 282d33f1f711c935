import Glibc

/// Which plugins there are, and what the server makes of each. Their code runs in processes of its own, never in this one.
package enum PluginCatalogue {
    package struct Entry: Equatable, Sendable {
        /// The manifest's file; nil for a library that was looked at by itself.
        package var manifest: String?
        package var name: String
        /// Absolute path of the library, where one was found.
        package var library: String?
        package var version: String?
        package var abiVersion: UInt32?
        package var isSerial: Bool?
        package var isDurable: Bool?
        /// Of the library, in hexadecimal digits.
        package var sha256: String?
        package var isolation: PluginManifest.Isolation?
        /// Why the server would not load it; nil when it would.
        package var problem: String?
        /// The manifest of the same name that the server takes in its place, if there is one.
        package var hiddenBy: String?
    }

    /// All manifests that the server would look at, in its order; of two with one name it takes the first.
    package static func entries(in directory: PluginDirectory, launcher: PluginLauncher = .own) -> [Entry] {
        var seen: [String: String] = [:]
        var files: Set<String> = []
        var entries: [Entry] = []
        for place in directory.searched {
            for file in (directoryNames(place) ?? []).sorted() where file.hasSuffix(".yml") {
                let path = place.appendingPath(file)
                // The same directory can be searched by two names.
                guard files.insert(realPath(path)).inserted else { continue }
                let name = String(file.dropLast(4))
                var entry = entry(name: name, manifest: path, in: place, of: directory, launcher)
                entry.hiddenBy = seen[name]
                if seen[name] == nil { seen[name] = path }
                entries.append(entry)
            }
        }
        return entries
    }

    /// Why the server would not load the plugin of that name; nil when it would.
    package static func problem(
        of name: String, in directory: PluginDirectory, launcher: PluginLauncher = .own
    ) -> String? {
        do throws(PluginError) {
            var entry = Entry(manifest: nil, name: name, problem: nil)
            describe(try directory.manifest(for: name), directory, launcher, &entry)
            return entry.problem
        } catch {
            return "\(error)"
        }
    }

    /// Looks at one library, whatever its name.
    package static func library(at path: String, launcher: PluginLauncher = .own) -> Entry {
        var entry = Entry(manifest: nil, name: "", problem: nil)
        let manifest = PluginManifest(path: path, name: "", library: realPath(path), sha256: nil, isolation: .process)
        describe(manifest, PluginDirectory(explicit: "/", program: nil), launcher, &entry)
        return entry
    }

    private static func entry(
        name: String, manifest path: String, in place: String, of directory: PluginDirectory, _ launcher: PluginLauncher
    ) -> Entry {
        var entry = Entry(manifest: path, name: name, problem: nil)
        do throws(PluginError) {
            let manifest = try PluginDirectory(explicit: place).manifest(for: name)
            entry.isolation = manifest.isolation
            describe(manifest, directory, launcher, &entry)
        } catch {
            entry.problem = "\(error)"
        }
        return entry
    }

    private static func describe(
        _ manifest: PluginManifest, _ directory: PluginDirectory, _ launcher: PluginLauncher, _ entry: inout Entry
    ) {
        do throws(PluginError) {
            let library = try directory.library(of: manifest)
            entry.library = library.path
            entry.sha256 = try LibraryDigest.hexadecimal(of: library)
            // Looked at from outside, whatever the manifest says about where the server loads it.
            var manifest = manifest
            manifest.isolation = .process
            let plugin = try PluginLoader.load(manifest, from: directory, launcher: launcher)
            entry.name = plugin.name
            entry.version = plugin.version
            entry.abiVersion = plugin.abiVersion
            entry.isSerial = plugin.isSerial
            entry.isDurable = plugin.isDurable
        } catch {
            entry.problem = "\(error)"
        }
    }

    private static func realPath(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
