import ArgumentParser
import FoundationEssentials
import Host
import KESClient
import SecureBytes

struct KeyEncrypt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encrypt", abstract: "Encrypt a short message.",
        discussion: "The message shows in the list of processes while the command runs, and in the history of the shell.")

    @Argument(help: "The name of the key.")
    var name: String

    @Argument(help: "The message.")
    var message: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey([name]) }

    func run() async throws {
        var message = message
        let plaintext = message.withUTF8 { SecretBytes(copying: UnsafeRawBufferPointer($0)) }
        let ciphertext = try await connection.withClient { client in
            do {
                try Names.check(name, as: .key)
                return try await client.encrypt(name, plaintext: plaintext)
            } catch {
                throw CommandFailure("encrypt with key '\(name)'", error)
            }
        }
        try printing.byteFields([("Ciphertext", "ciphertext", .plain(Data(ciphertext).base64EncodedString()))])
    }
}

struct KeyDecrypt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decrypt", abstract: "Decrypt a ciphertext.", discussion: "The plaintext is printed in base64.")

    @Argument(help: "The name of the key.")
    var name: String

    @Argument(help: "The ciphertext in base64.")
    var ciphertext: String

    @Argument(help: "The context that it was encrypted with, in base64.")
    var context = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey([name]) }

    func run() async throws {
        let ciphertext = try base64(ciphertext, "ciphertext")
        let context = try base64(context, "context")
        let plaintext = try await connection.withClient { client in
            do {
                try Names.check(name, as: .key)
                return try await client.decrypt(name, ciphertext: ciphertext, context: context)
            } catch {
                throw CommandFailure("decrypt with key '\(name)'", error)
            }
        }
        try printing.byteFields([("Plaintext", "plaintext", .base64(plaintext))])
    }
}

struct KeyDataKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dek", abstract: "Generate a data key.",
        discussion: "Encrypt with the plaintext and forget it; keep the ciphertext, and have it decrypted when it is needed.")

    @Argument(help: "The name of the key that encrypts the data key.")
    var name: String

    @Argument(help: "A context to bind the data key to, in base64.")
    var context = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws { try KeyNames.checkIsNoAPIKey([name]) }

    func run() async throws {
        let context = try base64(context, "context")
        let dataKey = try await connection.withClient { client in
            do {
                try Names.check(name, as: .key)
                return try await client.generateDataKey(name, context: context)
            } catch {
                throw CommandFailure("generate a data key with key '\(name)'", error)
            }
        }
        try printing.byteFields([
            ("Plaintext", "plaintext", .base64(dataKey.plaintext)),
            ("Ciphertext", "ciphertext", .plain(Data(dataKey.ciphertext).base64EncodedString())),
        ])
    }
}

private func base64(_ text: String, _ what: String) throws(CommandFailure) -> [UInt8] {
    guard let bytes = Data(base64Encoded: text) else { throw CommandFailure("the \(what) is not base64") }
    return [UInt8](bytes)
}

extension OutputOptions {
    /// Prints fields in base64: lines with labels for a person, a JSON object without a line end for a program, as scripts that
    /// read it expect. Secrets go straight to the file.
    func byteFields(_ fields: [(label: String, name: String, value: SecretText.Piece)]) throws(CommandFailure) {
        let output = output
        var pieces: [SecretText.Piece] = []
        if isForProgram {
            for (index, field) in fields.enumerated() {
                pieces += [.plain(#"\#(index == 0 ? "{" : ",")"\#(field.name)":""#), field.value, .plain("\"")]
            }
            pieces.append(.plain("}"))
        } else {
            let width = fields.map(\.label.count).max() ?? 0
            for field in fields {
                let padding = String(repeating: " ", count: width - field.label.count)
                pieces += [.plain("\(output.faint(field.label))\(padding)  "), field.value, .plain("\n")]
            }
        }
        try output.secret(SecretText.assemble(pieces))
    }
}
