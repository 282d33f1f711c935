import Host

/// The manual page kes(1) in roff with the man macros (groff_man(7)), made of the commands themselves.
struct ManualPage {
    private let root: CommandDescription

    init(_ root: CommandDescription) {
        self.root = root
    }

    /// Options that many commands have, which are described once.
    private static let common = ["--json", "--color", "--insecure", "--server", "--api-key", "--version", "--help"]

    var text: String {
        """
        .\\" Made by `kes manual` (make man): change the commands, not this file.
        .TH KES 1 "" "Keswick \(Version.number)" "User Commands"
        .SH NAME
        kes \\- key encryption server, and its client
        .SH SYNOPSIS
        .B kes
        .I command
        .RI [ options ]
        .RI [ arguments ]
        .SH DESCRIPTION
        .B kes
        runs a key encryption server, and calls one: it creates keys, has data keys generated and messages encrypted and decrypted, and \
        manages policies and identities. Server and client speak the protocol of MinIO KES.
        .SH COMMANDS
        \(visible(root).map { section($0, path: ["kes"]) }.joined())\
        .SH COMMON OPTIONS
        These are the same for all commands that have them.
        \(commonOptions.map(Self.option).joined())\
        .TP
        .BI "\\-e, \\-\\-enclave " name
        Accepted for old scripts; without effect.
        .SH ENVIRONMENT
        Of several names the first one that is set and not empty counts.
        \(Self.environment.map { ".TP\n.BR \($0.names.map(Self.escaped).joined(separator: " \", \" "))\n\(Self.escaped($0.meaning))\n" }.joined())\
        .SH OUTPUT
        On a terminal output is aligned and coloured. Elsewhere it is plain or JSON, and stable for scripts;
        .B \\-\\-json
        asks for JSON in both cases. Errors go to standard error.
        .SH EXIT STATUS
        .TP
        .B 0
        It was done. A server ends with 0 after SIGINT or SIGTERM.
        .TP
        .B 1
        It failed; the line that begins with
        .B Error:
        says why.
        .TP
        .B 2
        Wrong usage.
        .SH EXAMPLES
        \(Self.examples.map { ".PP\n\(Self.escaped($0.what))\n.PP\n.EX\n\($0.lines.map { "    \(Self.escaped($0))\n" }.joined()).EE\n" }.joined())\
        .SH SEE ALSO
        .BR openssl (1),
        .BR curl (1)

        """
    }

    // MARK: - Commands

    private func visible(_ command: CommandDescription) -> [CommandDescription] {
        (command.subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
    }

    private func section(_ command: CommandDescription, path: [String]) -> String {
        let path = path + [command.commandName]
        let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
        let positional = arguments.filter { $0.kind == "positional" }
        let subcommands = visible(command)
        var text = ".SS \(Self.escaped(path.joined(separator: " ")))\n"
        if subcommands.isEmpty {
            text += ".B \(Self.escaped(path.joined(separator: " ")))\n"
            text += positional.map { ".RI \(Self.synopsis($0))\n" }.joined()
            text += ".PP\n"
        }
        text += Self.paragraph(command.abstract) + Self.paragraph(command.discussion)
        text += positional.map { argument in
            ".TP\n.I \(Self.escaped(argument.valueName ?? "value"))\n\(Self.escaped(argument.abstract ?? ""))\n"
        }.joined()
        text += arguments.filter { $0.kind != "positional" && !Self.common.contains($0.longName) }.map(Self.option).joined()
        return text + subcommands.map { section($0, path: path) }.joined()
    }

    /// The options that many commands have, as the first command that has each says it.
    private var commonOptions: [CommandDescription.Argument] {
        var found: [String: CommandDescription.Argument] = [:]
        func search(_ command: CommandDescription) {
            for argument in command.arguments ?? [] where found[argument.longName] == nil { found[argument.longName] = argument }
            for subcommand in command.subcommands ?? [] { search(subcommand) }
        }
        search(root)
        return Self.common.compactMap { found[$0] }
    }

    private static func synopsis(_ argument: CommandDescription.Argument) -> String {
        let name = escaped(argument.valueName ?? "value") + (argument.isRepeating ? "\\ ..." : "")
        return argument.isOptional ? "[ \(name) ]" : "\"\" \(name)"
    }

    private static func option(_ argument: CommandDescription.Argument) -> String {
        let names = (argument.names ?? []).sorted { $0.name.count < $1.name.count }.map { escaped($0.text) }.joined(
            separator: ", ")
        let value = argument.kind == "option" ? " \"\(escaped(argument.valueName ?? "value"))\"" : ""
        let usual = argument.defaultValue.map { " Default: \($0)." } ?? ""
        let tag = value.isEmpty ? ".B \"\(names)\"" : ".BI \"\(names) \"\(value)"
        return ".TP\n\(tag)\n\(escaped((argument.abstract ?? "") + usual))\n"
    }

    private static func paragraph(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return "" }
        return text.split(separator: "\n", omittingEmptySubsequences: true).map { "\(escaped(String($0)))\n.PP\n" }.joined()
    }

    /// Text in which nothing is a request or an escape of roff.
    private static func escaped(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\"", with: "\\(dq")
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }

    // MARK: - What the commands do not say

    private static let environment: [(names: [String], meaning: String)] = [
        (
            Environment.server,
            "The servers to call, separated by commas and tried in turn. Default: \(Environment.defaultServer)."
        ),
        (Environment.apiKey, "The API key to use. Not together with a private key or a certificate."),
        (Environment.keyFile, "A PEM file with the private key of a client certificate, instead of an API key."),
        (Environment.certificateFile, "A PEM file with that certificate, and those of its issuers after it."),
        (
            ["SSL_CERT_FILE", "SSL_CERT_DIR"],
            "A PEM file with certificates to trust, and directories of such, beside the system's. A server's own self-signed certificate "
                + "may be among them."
        ),
        (["KES_PLUGINS"], "Where the keystore plugins' manifests are, for commands that have --plugins."),
        (["NO_COLOR"], "No colours, when it is set and not empty."),
    ]

    private static let examples: [(what: String, lines: [String])] = [
        ("Make the files of a server, and run it:", ["kes init /etc/kes", "kes server --config /etc/kes/config.yml"]),
        (
            "Use it from another shell:",
            [
                "export KES_SERVER=127.0.0.1:7373", "export KES_API_KEY=\"$(cat /etc/kes/admin.api-key)\"",
                "export SSL_CERT_FILE=/etc/kes/server.crt", "kes key create my-key", "kes key dek my-key",
            ]
        ),
        ("Copy all keys to another keystore:", ["kes migrate --from old.yml --to new.yml"]),
    ]
}
