import ArgumentParser
import Credentials
import Glibc
import KESClient
import SecureBytes

/// `kes identity …`
struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Make API keys, and manage who may do what.",
        discussion: """
            Without a subcommand, `kes identity` makes an API key, and `kes identity API-KEY` or `kes identity FILE` prints its \
            identity.
            """,
        subcommands: [
            IdentityNew.self, IdentityOf.self, IdentityInfo.self, IdentityList.self, IdentityRemove.self, IdentityBare.self,
        ],
        defaultSubcommand: IdentityBare.self)
}

/// `kes identity [FILE|APIKEY]`
struct IdentityBare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Make an API key, or print the identity of one.", shouldDisplay: false)

    @Argument(help: ArgumentHelp("An API key, or a file with a certificate.", valueName: "file|api-key"), completion: .file())
    var source: String?

    @OptionGroup var unused: UnusedClientOptions
    @OptionGroup var printing: OutputOptions

    func run() throws {
        if let source {
            do {
                return try IdentitySource.print(source, printing)
            } catch {
                // `kes identity nwe` asks for a file `nwe`, as far as one can tell from the words.
                guard access(source, F_OK) != 0, let meant = MistypedCommand.find(in: ["identity", source])?.nearest else {
                    throw error
                }
                throw CommandFailure("\(error); did you mean '\(meant)'?")
            }
        }
        let key = try newAPIKey()
        let output = printing.output
        if printing.json {
            try output.secret(newIdentityJSON(key))
        } else if output.isTerminal {
            try output.secret(newIdentityText(key, output))
        } else {
            try output.secret(SecretText.assemble([.bytes(key.text), .plain("\n")]))
        }
    }
}

struct IdentityOf: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "of", abstract: "Print the identity of an API key or a certificate.")

    @Argument(help: ArgumentHelp("An API key, or a file with a certificate.", valueName: "file|api-key"), completion: .file())
    var source: String

    @OptionGroup var unused: UnusedClientOptions
    @OptionGroup var printing: OutputOptions

    func run() throws {
        try IdentitySource.print(source, printing)
    }
}

struct IdentityInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what the server knows about an identity; without one, about you.")

    @Argument(help: "The identity, 64 hexadecimal digits.")
    var identity: String?

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        if let identity { try IdentityArgument.check(identity) }
    }

    func run() async throws {
        try await connection.withClient { client in
            do {
                if let identity {
                    try show(identity, try await client.describeIdentity(identity))
                } else {
                    let caller = try await client.describeSelf()
                    try show(caller.identity, caller.description)
                }
            } catch let error as KESError {
                throw CommandFailure("describe \(identity.map { "identity '\($0)'" } ?? "your identity")", error)
            }
        }
    }

    private func show(_ identity: String, _ description: IdentityDescription) throws(CommandFailure) {
        let output = printing.output
        if printing.isForProgram {
            try output.json(
                JSONText.object([
                    ("identity", JSONText.string(identity)),
                    ("admin", description.isAdmin ? "true" : nil),
                    ("policy", description.policy.map(JSONText.string)),
                    ("created_at", JSONText.string(description.createdAt.description)),
                    ("created_by", description.createdBy.map(JSONText.string)),
                ]))
        } else {
            var rows = [("Identity", identity), ("Role", description.isAdmin ? "administrator" : "client")]
            if let policy = description.policy { rows.append(("Policy", policy)) }
            rows.append(("Created at", description.createdAt.description))
            if let creator = description.createdBy { rows.append(("Created by", creator)) }
            try output.text(output.table(rows))
        }
    }
}

struct IdentityList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List identities.")

    @Argument(help: "What the identities start with; a final * changes nothing.")
    var pattern = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(pattern) }

    func run() async throws {
        try await connection.withClient { client in
            try await printing.list(client.listIdentities(prefix: pattern), of: "identities")
        }
    }
}

struct IdentityRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Take identities from their policies, so that they may do nothing any more.")

    @Argument(help: "The identities.")
    var identities: [String]

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(identities) }

    func run() async throws {
        try await connection.withClient { client in
            for identity in identities {
                do {
                    try await client.deleteIdentity(identity)
                } catch {
                    throw CommandFailure("delete identity '\(identity)'", error)
                }
                try printing.confirm(.deleted, "identity", identity)
            }
        }
    }
}
