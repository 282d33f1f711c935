import SecureBytes

/// Which library a plugin's process is to load: the manifest with the library's absolute path, so that the process checks by itself
/// what it loads, after a restart too. A frame's text.
struct LibraryOrder: Sendable {
    var manifest: PluginManifest

    var text: String { [manifest.name, manifest.library, manifest.sha256 ?? "", manifest.path].joined(separator: "\0") }

    init(manifest: PluginManifest, libraryPath: String) {
        self.manifest = manifest
        self.manifest.library = libraryPath
        self.manifest.isolation = .none
    }

    /// The process gets them when it is started, before it is told anything.
    var limits: ProcessLimits { manifest.limits }

    init?(text: String) {
        let parts = text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4 else { return nil }
        manifest = PluginManifest(
            path: parts[3], name: parts[0], library: parts[1], sha256: parts[2].isEmpty ? nil : parts[2], isolation: .none)
    }
}
