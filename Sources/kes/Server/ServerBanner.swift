import Host
import KESClient
import SecureBytes

/// What a server says of itself when it has started.
enum ServerBanner {
    static func text(
        for server: Server, memoryLock: ProcessHardening.MemoryLock, usage: [SecretText.Piece] = []
    ) -> SecretBytes {
        let configuration = server.configuration
        let plugin = server.plugin
        let rows = [
            ("Version", "Keswick \(Version.number)"),
            ("Keystore", "\(plugin.name) \(plugin.version)"),
            (
                "Plugin",
                "\(plugin.libraryPath) (ABI version \(plugin.abiVersion)\(plugin.isIsolated ? ", in a process of its own" : ""))"
            ),
            ("Admin", configuration.admin.map { "\($0)" } ?? "disabled"),
            ("Error log", configuration.log.error.map { "\($0), to standard error" } ?? "off"),
            ("Audit log", configuration.log.audit == nil ? "off" : "on, to standard output"),
            ("Memory lock", memoryLock.description),
            ("Endpoint", "https://\(server.address)"),
        ]
        let width = rows.map(\.0.count).max() ?? 0
        var text = ""
        for (label, value) in rows {
            text += label + String(repeating: " ", count: width - label.count) + "  " + value + "\n"
        }
        text += "\n"
        for route in Server.apiOverview {
            let method = route.method + String(repeating: " ", count: max(0, 6 - route.method.count))
            text += "  \(method)  https://\(server.address)\(route.path)\n"
        }
        return SecretText.assemble([.plain(text)] + usage + [.plain("\n")])
    }
}
