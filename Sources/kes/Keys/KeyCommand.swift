import ArgumentParser
import Credentials
import Host
import KESClient
import SecureBytes

/// `kes key …`
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Manage keys, and encrypt and decrypt with them.",
        subcommands: [
            KeyCreate.self, KeyImport.self, KeyInfo.self, KeyList.self, KeyRemove.self, KeyEncrypt.self, KeyDecrypt.self,
            KeyDataKey.self,
        ])

    func run() async throws {
        throw MissingSubcommand(help: Kes.helpMessage(for: Self.self))
    }
}

struct KeyCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create keys.")

    @Argument(help: "The names of the new keys.")
    var names: [String]

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey(names) }

    func run() async throws {
        try KeyNames.check(names, to: "create key")
        try await connection.withClient { client in
            for name in names {
                do {
                    try await client.createKey(name)
                } catch {
                    throw CommandFailure("create key '\(name)'", error)
                }
                try printing.confirm(.created, "key", name)
            }
        }
    }
}

struct KeyImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Import a key.",
        discussion: "The key shows in the list of processes while the command runs, and in the history of the shell.")

    @Argument(help: "The name of the new key.")
    var name: String

    @Argument(help: ArgumentHelp("The key: 32 bytes in base64.", valueName: "base64"))
    var key: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey([name]) }

    func run() async throws {
        guard let bytes = SecretBytes.base64(key), bytes.count == 32 else {
            throw CommandFailure("the key has to be 32 bytes in base64")
        }
        try await connection.withClient { client in
            do {
                try Names.check(name, as: .key)
                try await client.importKey(name, key: bytes)
            } catch {
                throw CommandFailure("import key '\(name)'", error)
            }
            try printing.confirm(.imported, "key", name)
        }
    }
}

struct KeyInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Show what the server knows about a key.")

    @Argument(help: "The name of the key.")
    var name: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey([name]) }

    func run() async throws {
        let key = try await connection.withClient { client in
            do {
                try Names.check(name, as: .key)
                return try await client.describeKey(name)
            } catch {
                throw CommandFailure("describe key '\(name)'", error)
            }
        }
        try printing.description([
            ("Name", "name", key.name),
            ("Algorithm", "algorithm", key.algorithm),
            ("Created at", "created_at", key.createdAt.description),
            ("Created by", "created_by", key.createdBy),
        ])
    }
}

struct KeyList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List keys.")

    @Argument(help: "What the names start with; a final * changes nothing.")
    var pattern = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func run() async throws {
        try await connection.withClient { client in
            try await printing.list(client.listKeys(prefix: pattern), of: "keys")
        }
    }

    func validate() throws { try KeyNames.checkIsNoAPIKey([pattern]) }
}

struct KeyRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Delete keys.",
        discussion: "What was encrypted under a key cannot be decrypted once the key is gone.")

    @Argument(help: "The names of the keys.")
    var names: [String]

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey(names) }

    func run() async throws {
        try KeyNames.check(names, to: "delete key")
        try await connection.withClient { client in
            for name in names {
                do {
                    try await client.deleteKey(name)
                } catch {
                    throw CommandFailure("delete key '\(name)'", error)
                }
                try printing.confirm(.deleted, "key", name)
            }
        }
    }
}

/// Names of keys that the command line is given.
enum KeyNames {
    /// Refuses API keys: they would go to the server in the path of a request, and to standard error with what went wrong. A name may look
    /// like one without its prefix.
    static func checkIsNoAPIKey(_ texts: [String]) throws(ValidationError) {
        if texts.contains(where: { APIKey.isLikely($0) && !Names.isValid($0) }) {
            throw ValidationError("This is an API key where the name of a key belongs; it is secret.")
        }
    }

    /// Refuses what can be no key's name before anything is sent: of several names all are used, or none.
    static func check(_ names: [String], to action: String) throws(CommandFailure) {
        for name in names {
            do { try Names.check(name, as: .key) } catch { throw CommandFailure("\(action) '\(name)'", error) }
        }
    }
}
