import PluginAPI

/// Why a plugin could not be found, loaded or opened. The description says which file, what is wrong and what to do.
package enum PluginError: Error, Equatable, Sendable {
    /// The configuration names a plugin by something that is not a plugin's name.
    case invalidName(String)
    /// No directory holds `NAME.yml`. There are manifests of the plugins `known`.
    case manifestNotFound(name: String, searched: [String], known: [String])
    /// All that is wrong with a manifest, in the order of the file.
    case invalidManifest(path: String, [ManifestProblem])
    case libraryNotFound(manifest: String, library: String, searched: [String])
    case notReadable(path: String, reason: String)
    /// Someone other than root or the server's user could have written the file.
    case untrusted(path: String, FileTrust.Problem)
    case wrongDigest(path: String, expected: String, actual: String)
    case notLoadable(path: String, ElfHeader.Problem)
    /// `dlopen` refused the library.
    case loadFailed(path: String, reason: String)
    /// The file at this path is not the one that was checked, or that this process loaded before.
    case replaced(path: String)
    case noEntryPoint(path: String)
    case unsupportedABI(path: String, version: UInt32)
    case shortTable(path: String, size: UInt32)
    case malformedTable(path: String, problem: String)
    case missingFunction(path: String, function: String)
    case unknownFlags(path: String, flags: UInt64)
    case wrongName(path: String, manifest: String, plugin: String)
    /// The plugin's own process could not be started, or refused the library.
    case processFailed(path: String, reason: String)
    /// The plugin's `open` refused.
    case openFailed(plugin: String, KeystoreFailure)
}

extension PluginError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidName(let name):
            "'\(name)' is not the name of a keystore plugin: use 1 to 64 characters of a-z 0-9 - _"
        case .manifestNotFound(let name, let searched, let known):
            "no plugin '\(name)'\(known.isEmpty ? "" : " (\(NearestName.suggestion(for: name, among: known)))"): "
                + "there is no \(name).yml in \(Self.list(searched)). "
                + "Install the plugin, or name its directory with plugins.directory, --plugins or KES_PLUGINS"
        case .invalidManifest(let path, let problems):
            problems.map { "\(path)\(Self.position($0.line, $0.column)): \($0.text)" }.joined(separator: "; ")
        case .libraryNotFound(let manifest, let library, let searched):
            "\(manifest): there is no library '\(library)' in \(Self.list(searched)). "
                + "Install it in one of these, or give its absolute path as 'library'"
        case .notReadable(let path, let reason):
            "cannot read \(path): \(reason)"
        case .untrusted(let path, let problem):
            "refusing \(path): \(problem)"
        case .wrongDigest(let path, let expected, let actual):
            "refusing \(path): its SHA-256 is \(actual), but the manifest says \(expected). "
                + "Install the library that the manifest describes, or correct 'sha256' if the new library is meant"
        case .notLoadable(let path, let problem):
            "refusing \(path): \(problem)"
        case .loadFailed(let path, let reason):
            "cannot load \(path): \(reason)"
        case .replaced(let path):
            "refusing \(path): it was replaced since this process checked or loaded it. Restart the server to use the new file"
        case .noEntryPoint(let path):
            "\(path) is not a keystore plugin: it does not export \(KESWICK_ENTRY_SYMBOL)()"
        case .unsupportedABI(let path, let version):
            "\(path) speaks version \(version) of the plugin interface, this server version \(KESWICK_ABI_VERSION): "
                + (version > KESWICK_ABI_VERSION ? "use a newer server or an older plugin" : "use a newer plugin")
        case .shortTable(let path, let size):
            "\(path) gives a table of \(Plural.count(Int(size), "byte")), but version \(KESWICK_ABI_VERSION) of the plugin interface has at least "
                + "\(PluginTable.leastSize): compile it with the released keswick_keystore.h"
        case .malformedTable(let path, let problem):
            "\(path): \(problem). Report this to the plugin's author"
        case .missingFunction(let path, let function):
            "\(path) has no function '\(function)' in its table. Report this to the plugin's author"
        case .unknownFlags(let path, let flags):
            "\(path) sets capability flags that this server does not know (0x\(String(flags, radix: 16))): use a newer server"
        case .wrongName(let path, let manifest, let plugin):
            "\(path) is the plugin '\(plugin)', but its manifest calls it '\(manifest)': correct 'name' or 'library'"
        case .processFailed(let path, let reason):
            reason.contains(path) ? reason : "\(path), in a process of its own: \(reason)"
        case .openFailed(let plugin, let failure):
            "cannot open the keystore '\(plugin)': \(failure)"
        }
    }

    private static func list(_ paths: [String]) -> String {
        paths.isEmpty ? "any directory" : paths.joined(separator: ", ")
    }

    private static func position(_ line: Int?, _ column: Int?) -> String {
        guard let line else { return "" }
        guard let column else { return ":\(line)" }
        return ":\(line):\(column)"
    }
}
