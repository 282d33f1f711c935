import TestSupport
import Testing

/// `docs/man/kes.1` and the completions.
@Suite struct ManualTests {
    private static let page = "\(Repository.root)/docs/man/kes.1"

    @Test func theManualPageIsThatOfTheCommands() throws {
        let made = try kes("manual")
        #expect(made.code == 0)
        #expect(made.output == (try readFile(Self.page)), "the commands changed: run make man")
    }

    @Test func itRendersWithoutWarnings() throws {
        // The checks of Debian's lintian.
        let result = try run(
            "man", ["--warnings=all", "-E", "UTF-8", "-l", "-Tutf8", "-Z", Self.page],
            environment: ["LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"])
        #expect(result.code == 0)
        #expect(result.error.isEmpty, "\(result.errorText)")
        #expect(result.output.count > 10_000)
    }

    @Test func everyCommandAndEveryOptionOfItsHelpIsOnIt() throws {
        let rendered = try run(
            "man", ["-l", "-Tascii", Self.page],
            environment: ["LC_ALL": "C", "MANWIDTH": "200", "MAN_KEEP_FORMATTING": nil, "GROFF_NO_SGR": "1"])
        let text = String(decoding: rendered.output, as: UTF8.self).replacing(/.\u{8}/, with: "")
        var commands: [[String]] = [[]]
        var count = 0
        while let command = commands.popLast() {
            let help = try run(kesPath(), command + ["--help"]).text
            count += 1
            if !command.isEmpty { #expect(text.contains("kes \(command.joined(separator: " "))"), "\(command)") }
            let (options, subcommands) = Self.names(in: help)
            for option in options { #expect(text.contains(option), "\(command): \(option)") }
            commands += subcommands.map { command + [$0] }
        }
        #expect(count > 30)
    }

    /// The long options, and the subcommands, that a help text lists.
    private static func names(in help: String) -> (options: [String], subcommands: [String]) {
        var (options, subcommands): ([String], [String]) = ([], [])
        var section = ""
        for line in help.split(separator: "\n") {
            if line.first?.isWhitespace == false { section = String(line.prefix { $0 != ":" }) }
            if section == "OPTIONS", let name = line.firstMatch(of: /--[a-z][a-z-]*/) { options.append(String(name.output)) }
            if section == "SUBCOMMANDS", let name = line.firstMatch(of: /^ {2}([a-z]+)/) {
                subcommands.append(String(name.output.1))
            }
        }
        return (options, subcommands.filter { $0 != "help" })
    }

    @Test func bashParsesItsCompletions() throws {
        try expectParsed(by: "bash", ["-n"])
    }

    @Test(.enabled(if: isInstalled("zsh"), "zsh is not installed")) func zshParsesItsCompletions() throws {
        try expectParsed(by: "zsh", ["-n"])
    }

    @Test(.enabled(if: isInstalled("fish"), "fish is not installed")) func fishParsesItsCompletions() throws {
        try expectParsed(by: "fish", ["--no-execute"])
    }

    private func expectParsed(by shell: String, _ options: [String]) throws {
        let directory = try TemporaryDirectory()
        let script = try directory.write(kes("completion", shell).output, to: "kes.\(shell)")
        let result = try run(shell, options + [script], environment: ["HOME": directory.path])
        #expect(result.code == 0 && result.error.isEmpty, "\(result.errorText)")
    }
}
