import ArgumentParser

/// `kes tool identity of`, an old spelling of `kes identity of`.
struct ToolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tool", abstract: "Old spellings.", shouldDisplay: false, subcommands: [ToolIdentity.self])

    func run() async throws {
        throw MissingSubcommand(help: Kes.helpMessage(for: Self.self))
    }
}

struct ToolIdentity: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Old spelling of `kes identity`.", subcommands: [IdentityOf.self, IdentityNew.self])

    func run() async throws {
        throw MissingSubcommand(help: Kes.helpMessage(for: Self.self))
    }
}
