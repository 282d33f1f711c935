import ArgumentParser
import Conformance
import Host

/// `kes plugin`
struct PluginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Write, check and look at keystore plugins.",
        subcommands: [
            PluginNew.self, PluginCheck.self, PluginList.self, PluginInfo.self, PluginWorker.self, PluginProcessCommand.self,
        ])

    func run() async throws {
        throw MissingSubcommand(help: Kes.helpMessage(for: Self.self))
    }
}

/// `kes plugin worker`: one step of `kes plugin check`, which starts it and listens on descriptor 3.
struct PluginWorker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "A step of `kes plugin check`.", shouldDisplay: false)

    @Argument var library: String
    @Argument var procedure: String
    @Argument var seed: UInt64
    @Argument var prefix: String
    @Argument var place: String
    @Argument var progress: String

    func run() {
        Worker.run(
            Worker.Order(
                library: library, procedure: procedure, seed: seed, prefix: prefix, isFresh: place == "fresh", progress: progress)
        )
    }
}

/// `kes plugin process`: a plugin whose manifest says `isolation: process`. The server starts it, with sockets on descriptor 3 and
/// those that follow.
struct PluginProcessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "process", abstract: "A plugin in a process of its own.", shouldDisplay: false)

    @Argument var channels: Int
    @Argument var memory: UInt64
    @Argument var files: UInt64

    func run() {
        PluginProcessMain.run(channels: channels, ProcessLimits(memory: memory, files: files))
    }
}
