import ArgumentParser
import Host
import KESClient

/// `kes policy …`
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Manage policies, and who they apply to.",
        discussion: """
            Policies that are made here last until the server restarts or reloads its configuration; lasting ones belong in the \
            configuration file.
            """,
        subcommands: [
            PolicyCreate.self, PolicyAssign.self, PolicyInfo.self, PolicyShow.self, PolicyList.self, PolicyRemove.self,
        ])

    func run() async throws {
        throw MissingSubcommand(help: Kes.helpMessage(for: Self.self))
    }
}

struct PolicyCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create or replace a policy.",
        discussion:
            "The file is JSON or YAML with `allow` and `deny`: lists of path patterns, or maps whose members are the patterns.")

    @Argument(help: "The name of the policy.")
    var name: String

    @Argument(help: "The file with its patterns.", completion: .file(extensions: ["yml", "yaml", "json"]))
    var file: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(name) }

    func run() async throws {
        let policy = try PolicyFile(path: file)
        try await connection.withClient { client in
            do {
                try await client.writePolicy(name, allow: policy.allow, deny: policy.deny)
            } catch {
                throw CommandFailure("create policy '\(name)'", error)
            }
            try printing.confirm(.created, "policy", name)
        }
    }
}

struct PolicyAssign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assign", abstract: "Assign an identity to a policy, and take it from any other.")

    @Argument(help: "The name of the policy.")
    var policy: String

    @Argument(help: "The identity, 64 hexadecimal digits.")
    var identity: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    // Both, as they are easily given the other way round.
    func validate() throws { try IdentityArgument.check(policy, identity) }

    func run() async throws {
        try await connection.withClient { client in
            do {
                try await client.assignPolicy(policy, to: identity)
            } catch {
                throw CommandFailure("assign policy '\(policy)' to '\(identity)'", error)
            }
            try printing.confirm(.assigned, "policy", policy)
        }
    }
}

struct PolicyInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Show who made a policy, and when.")

    @Argument(help: "The name of the policy.")
    var name: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(name) }

    func run() async throws {
        let policy = try await connection.withClient { client in
            do {
                return try await client.describePolicy(name)
            } catch {
                throw CommandFailure("describe policy '\(name)'", error)
            }
        }
        try printing.description([
            ("Name", "name", policy.name),
            ("Created at", "created_at", policy.createdAt.description),
            ("Created by", "created_by", policy.createdBy),
        ])
    }
}

struct PolicyShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show what a policy allows and denies.")

    @Argument(help: "The name of the policy.")
    var name: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(name) }

    func run() async throws {
        let policy = try await connection.withClient { client in
            do {
                return try await client.readPolicy(name)
            } catch {
                throw CommandFailure("show policy '\(name)'", error)
            }
        }
        let output = printing.output
        guard printing.isForProgram else {
            for (heading, patterns) in [(output.green("allow"), policy.allow), (output.red("deny"), policy.deny)] {
                guard !patterns.isEmpty else { continue }
                try output.text("\(heading):\n" + patterns.map { "  - \(OperatorText.escaped($0))\n" }.joined())
            }
            return
        }
        try output.json(
            JSONText.object([
                ("allow", Self.patternSet(policy.allow)),
                ("deny", Self.patternSet(policy.deny)),
                ("created_at", policy.createdAt.map { JSONText.string($0.description) }),
                ("created_by", policy.createdBy.map(JSONText.string)),
            ]))
    }

    // As the protocol has it, so that what is shown can be given to `create` again.
    private static func patternSet(_ patterns: [String]) -> String? {
        patterns.isEmpty ? nil : JSONText.object(patterns.map { ($0, "{}") })
    }
}

struct PolicyList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List policies.")

    @Argument(help: "What the names start with; a final * changes nothing.")
    var pattern = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(pattern) }

    func run() async throws {
        try await connection.withClient { client in
            try await printing.list(client.listPolicies(prefix: pattern), of: "policies")
        }
    }
}

struct PolicyRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Delete policies.")

    @Argument(help: "The names of the policies.")
    var names: [String]

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try IdentityArgument.check(names) }

    func run() async throws {
        try await connection.withClient { client in
            for name in names {
                do {
                    try await client.deletePolicy(name)
                } catch {
                    throw CommandFailure("delete policy '\(name)'", error)
                }
                try printing.confirm(.deleted, "policy", name)
            }
        }
    }
}
