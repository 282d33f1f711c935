import ArgumentParser
import Credentials
import Glibc
import KESClient
import SecureBytes

/// `kes init DIR`
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make all that a server needs in a directory.",
        discussion: """
            Makes a configuration file, the server's TLS key and certificate, and an API key for its administrator, and says how to \
            start the server and how to use it. Nothing that exists is overwritten.
            """)

    @Argument(help: ArgumentHelp("The directory; made if it is not there.", valueName: "dir"), completion: .directory)
    var directory: String

    @Option(help: "Where keys are kept: sqlite or fs (a file for each key).")
    var keystore = Deployment.Keystore.sqlite

    @Option(
        help: ArgumentHelp(
            "An address that clients call the server by; may be repeated. The server then listens on all addresses.",
            valueName: "ip"))
    var ip: [String] = []

    @Option(
        help: ArgumentHelp(
            "A name that clients call the server by; may be repeated. The server then listens on all addresses.",
            valueName: "name"))
    var dns: [String] = []

    @OptionGroup var printing: OutputOptions

    func validate() throws {
        for address in ip where IPAddress.bytes(address) == nil {
            throw ValidationError("'\(address)' is not an IP address; names go with --dns.")
        }
        for name in dns where IPAddress.bytes(name) != nil {
            throw ValidationError("'\(name)' is an IP address; addresses go with --ip.")
        }
    }

    func run() throws {
        let target = try NewDirectory(path: directory)
        let deployment = try Deployment(directory: target.path, keystore: keystore, addresses: ip, names: dns)
        try target.make(files: deployment.files, directories: deployment.directories)
        let output = printing.output
        if printing.json {
            try output.json(
                JSONText.object([
                    ("directory", JSONText.string(target.path)),
                    ("config", JSONText.string(target.file("config.yml"))),
                    ("server", JSONText.string(deployment.endpoint)),
                    ("identity", JSONText.string(deployment.admin.identity.description)),
                    ("api_key_file", JSONText.string(target.file(Deployment.apiKeyFile))),
                ]))
        } else {
            try output.secret(instructions(deployment, target, output))
        }
    }

    private func instructions(_ deployment: Deployment, _ target: NewDirectory, _ output: Output) -> SecretBytes {
        func path(_ name: String) -> String { ShellWord.quoted(target.file(name)) }
        var pieces: [SecretText.Piece] = [
            .plain(
                """
                \(output.green("Made \(target.path)"))

                  config.yml              the server's configuration
                  server.key, server.crt  its TLS key and certificate, for \(deployment.allNames.joined(separator: ", "))
                  admin.api-key           the administrator's API key
                  admin.key, admin.crt    the same as a private key and a certificate, for curl and others


                """)
        ]
        // Only where a person reads: the output of a script ends in a log.
        if output.isTerminal {
            pieces += [
                .plain("\(output.bold("The administrator's API key"))\n\n  "), .bytes(deployment.admin.text),
                .plain("\n\nIt is shown this once only. Keep admin.api-key secret: whoever has it may do everything.\n\n"),
            ]
        }
        pieces.append(
            .plain(
                """
                \(output.bold("Start the server"))

                  kes server --config \(path("config.yml"))

                \(output.bold("Use it, from another shell"))

                  export KES_SERVER=\(deployment.endpoint)
                  export KES_API_KEY="$(cat \(path(Deployment.apiKeyFile)))"
                  export SSL_CERT_FILE=\(path("server.crt"))
                  kes key create my-key
                  kes key dek my-key

                \(output.bold("Or with curl"))

                  curl --cacert \(path("server.crt")) --cert \(path("admin.crt")) --key \(path("admin.key")) https://\(deployment.endpoint)/v1/status

                """))
        return SecretText.assemble(pieces)
    }
}

/// Words for a shell.
enum ShellWord {
    /// `text` as one word, in single quotes where the shell would take it for more.
    static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "/._-+:@%,".utf8.contains(byte)
                }
            }
        return isPlain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
