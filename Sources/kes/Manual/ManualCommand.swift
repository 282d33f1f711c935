import ArgumentParser
import FoundationEssentials

/// `kes manual`, which prints `docs/man/kes.1`: what packagers and `make man` call.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Print the manual page, in roff.", shouldDisplay: false)

    func run() throws {
        let description: CommandDescription.Root
        do {
            description = try JSONDecoder().decode(CommandDescription.Root.self, from: Data(Kes._dumpHelp().utf8))
        } catch {
            throw CommandFailure("the argument parser's description of the commands cannot be read: \(error)")
        }
        try Output(color: .never).text(ManualPage(description.command).text)
    }
}

/// What the argument parser says of a command, as far as the manual page has it.
struct CommandDescription: Decodable {
    struct Root: Decodable {
        let command: CommandDescription
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String

            var text: String { kind == "long" ? "--\(name)" : "-\(name)" }
        }

        let kind: String
        let shouldDisplay: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let defaultValue: String?
        let abstract: String?

        /// `--color`; empty for a positional argument.
        var longName: String { names?.first { $0.kind == "long" }?.text ?? "" }
    }

    let commandName: String
    let abstract: String?
    let discussion: String?
    let shouldDisplay: Bool
    let arguments: [Argument]?
    let subcommands: [CommandDescription]?
}
