import Glibc

/// Where plugin manifests and libraries are looked up.
package struct PluginDirectory: Sendable {
    /// The directories that are searched for `NAME.yml`, in this order.
    package let searched: [String]
    /// The directory of the program that runs.
    private let programDirectory: String?

    package static let systemDirectory = "/etc/kes/plugins.d"

    /// - Parameters:
    ///   - explicit: the directory that the operator named, which is then the only one searched. Otherwise these are:
    ///     `/etc/kes/plugins.d`; `plugins.d` beside the program, or beside a directory that holds it, however deep (so that a
    ///     program in a working tree's `.build` finds the tree's); and `plugins.d` in the working directory.
    ///   - program: absolute path of the program that runs.
    package init(explicit: String?, program: String? = PluginDirectory.runningProgram) {
        programDirectory = program?.parentDirectory
        if let explicit {
            searched = [explicit]
            return
        }
        var directories = [Self.systemDirectory]
        if var directory = programDirectory {
            while directory != "/", directory != "." {
                directories.append(directory.appendingPath("plugins.d"))
                directory = directory.parentDirectory
            }
        }
        directories.append("plugins.d")
        searched = directories
    }

    /// The directory that the operator named, if any: the `--plugins` option wins over `KES_PLUGINS`, and that over the
    /// configuration's `plugins.directory`. Empty ones count as absent.
    package static func explicit(option: String?, environment: String?, configuration: String?) -> String? {
        [option, environment, configuration].lazy.compactMap { $0 }.first { !$0.isEmpty }
    }

    /// Absolute path of the program that runs, nil without `/proc`.
    package static var runningProgram: String? { SystemCall.linkTarget("/proc/self/exe", in: AT_FDCWD) }

    /// Reads the manifest of the plugin `name` from the first directory that has one.
    ///
    /// A manifest that is there but cannot be trusted or understood is an error: the search does not go on behind it.
    package func manifest(for name: String) throws(PluginError) -> PluginManifest {
        guard PluginManifest.isValidName(name) else { throw .invalidName(name) }
        for directory in searched {
            guard let file = try FileTrust.open(directory.appendingPath(name + ".yml")) else { continue }
            let manifest = try PluginManifest(reading: file)
            guard manifest.name == name else {
                let problem = "its 'name' is '\(manifest.name)', but the file's name says '\(name)': make them equal"
                throw .invalidManifest(path: file.path, [ManifestProblem(problem)])
            }
            return manifest
        }
        throw .manifestNotFound(name: name, searched: searched, known: names)
    }

    /// The names of the plugins that there are manifests of, sorted.
    package var names: [String] {
        let files = searched.flatMap { directoryNames($0) ?? [] }.filter { $0.hasSuffix(".yml") }
        return Set(files.map { String($0.dropLast(4)) }).sorted()
    }

    /// Opens the library of a manifest: its absolute path, or the first of beside the manifest, `../lib/kes` from the manifest
    /// and from the program, and beside the program.
    package func library(of manifest: PluginManifest) throws(PluginError) -> TrustedFile {
        let manifestDirectory = manifest.path.parentDirectory
        var directories = [manifestDirectory, manifestDirectory.appendingPath("../lib/kes")]
        if let programDirectory { directories += [programDirectory.appendingPath("../lib/kes"), programDirectory] }
        let candidates =
            manifest.library.isAbsolutePath ? [manifest.library] : directories.map { $0.appendingPath(manifest.library) }
        for candidate in candidates {
            if let file = try FileTrust.open(candidate) { return file }
        }
        throw .libraryNotFound(
            manifest: manifest.path, library: manifest.library, searched: candidates.map(\.parentDirectory))
    }
}
