import ArgumentParser
import KESClient

/// `kes ls`
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List keys, identities or policies.")

    @Flag(name: [.customShort("i"), .customLong("identity")], help: "List identities.")
    var identities = false

    @Flag(name: [.customShort("p"), .customLong("policy")], help: "List policies.")
    var policies = false

    @Argument(help: "What the names start with.")
    var prefix = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        if identities, policies { throw ValidationError("Use -i or -p, not both.") }
        if identities || policies { try IdentityArgument.check(prefix) } else { try KeyNames.checkIsNoAPIKey([prefix]) }
    }

    func run() async throws {
        try await connection.withClient { client in
            if identities {
                try await printing.list(client.listIdentities(prefix: prefix), of: "identities")
            } else if policies {
                try await printing.list(client.listPolicies(prefix: prefix), of: "policies")
            } else {
                try await printing.list(client.listKeys(prefix: prefix), of: "keys")
            }
        }
    }
}
