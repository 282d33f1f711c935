import ArgumentParser
import Host

/// `kes server`
///
/// Not asynchronous: it holds the main thread, and none that tasks are meant to share.
struct ServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "server", abstract: "Run a server.")

    /// `on` or `off`.
    enum Switch: String, ExpressibleByArgument, CaseIterable {
        case on
        case off
    }

    @Option(help: ArgumentHelp("Where to listen, such as 0.0.0.0:7373 or :7373; wins over the file.", valueName: "ip:port"))
    var addr: String?

    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"), completion: .file(extensions: ["yml", "yaml"]))
    var config: String?

    @Flag(help: "Try it out: keys in memory only, a certificate made on the spot, an API key printed.")
    var dev = false

    @Flag(help: "Validate the configuration file and exit.")
    var check = false

    @Option(help: ArgumentHelp("Where the keystore plugins' manifests are.", valueName: "dir"), completion: .directory)
    var plugins: String?

    @Option(help: ArgumentHelp("Deprecated: tls.key in the file.", valueName: "file", visibility: .hidden), completion: .file())
    var key: String?

    @Option(help: ArgumentHelp("Deprecated: tls.cert in the file.", valueName: "file", visibility: .hidden), completion: .file())
    var cert: String?

    @Option(help: ArgumentHelp("Deprecated: tls.auth in the file.", visibility: .hidden))
    var auth: Switch?

    @Option(help: ArgumentHelp("Deprecated: admin.identity in the file.", valueName: "identity", visibility: .hidden))
    var root: String?

    @Option(help: ArgumentHelp("Deprecated: --addr.", visibility: .hidden))
    var port: UInt16?

    @Flag(help: ArgumentHelp("Deprecated: memory is locked in any case.", visibility: .hidden))
    var mlock = false

    @Flag(name: .shortAndLong, help: ArgumentHelp("Print no banner.", visibility: .hidden))
    var quiet = false

    func validate() throws {
        if dev, config != nil { throw ValidationError("--dev needs no configuration file: use --dev or --config, not both.") }
        if dev, check { throw ValidationError("--check validates the file that --config names; --dev has none.") }
        if check, config == nil { throw ValidationError("--check validates the file that --config names: add --config.") }
    }

    var options: ServerOptions {
        ServerOptions(
            address: addr, configurationFile: config, isDevelopment: dev, isCheck: check, isQuiet: quiet,
            pluginDirectory: plugins,
            deprecated: ServerOptions.Deprecated(
                privateKeyFile: key, certificateFile: cert, authentication: auth.map { $0 == .on }, admin: root,
                port: port.map(Int.init), locksMemory: mlock))
    }

    func run() throws {
        try ServerRun.run(options)
    }
}
