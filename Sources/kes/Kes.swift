import ArgumentParser
import Host
import KESClient

/// The root of the command line.
struct Kes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kes",
        abstract: "Key encryption server, and its client.",
        discussion: """
            The commands that call a server find it, and what to show it, in the environment: KES_SERVER (default 127.0.0.1:7373) and \
            KES_API_KEY, or KES_CLIENT_KEY and KES_CLIENT_CERT. `kes init DIR` makes a server's files and prints how to go on.
            """,
        version: "kes \(Version.number)",
        subcommands: [
            ServerCommand.self, InitCommand.self, KeyCommand.self, PolicyCommand.self, IdentityCommand.self, ListCommand.self,
            StatusCommand.self, MetricCommand.self, LogCommand.self, MigrateCommand.self, BenchCommand.self, PluginCommand.self,
            ToolCommand.self, CompletionCommand.self, ManualCommand.self,
        ])

    @Flag(name: .customShort("v"), help: ArgumentHelp("The same as --version, as with KES.", visibility: .hidden))
    var version = false

    func run() async throws {
        if version { throw CleanExit.message(Self.configuration.version) }
        throw MissingSubcommand(help: Self.helpMessage())
    }
}

@main
enum Main {
    static func main() async {
        // Any command may hold a key or a plaintext. Those for plugins hold none that is worth anything, and show how one crashed.
        if CommandLine.arguments.dropFirst().first != "plugin" { ProcessHardening.forbidDumps() }
        do {
            if let options = ServerOptions(plain: CommandLine.arguments.dropFirst()) { return try ServerRun.run(options) }
            var command = try Kes.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            CommandFailure.exit(with: error)
        }
    }
}
