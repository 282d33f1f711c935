import ArgumentParser
import Conformance
import Glibc
import Host
import KESClient
import SecureBytes

/// `kes plugin check FILE`
struct PluginCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a plugin against the plugin interface.",
        discussion: """
            The plugin runs in processes of its own: when it crashes or hangs, that is its result, and the check goes on. Exits with 0 when \
            all rules that could be checked hold, else with 1.
            """)

    @Argument(help: ArgumentHelp("The plugin's shared library.", valueName: "file"), completion: .file(extensions: ["so"]))
    var file: String

    @Option(
        help: ArgumentHelp(
            "The configuration to open it with, as JSON. {dir} in it stands for a new directory, which is removed at the end.",
            valueName: "json"))
    var config = "{}"

    @Flag(help: "Kill processes that create keys at random moments too, and look at what is left.")
    var durable = false

    @Option(help: ArgumentHelp("Check this rule alone; may be repeated.", valueName: "rule"))
    var only: [String] = []

    @Option(help: ArgumentHelp("What names, values and moments follow from.", valueName: "number"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("How long one check may take, in seconds.", valueName: "seconds"))
    var timeout = 120.0

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "When to use colours: auto, always or never.")
    var color = ColorMode.auto

    func validate() throws {
        for id in only where Rule.named(id) == nil {
            throw ValidationError("There is no rule '\(id)'. The rules: \(Rule.all.map(\.id).joined(separator: ", ")).")
        }
        let rules = only.compactMap(Rule.named)
        if let rule = rules.first, rules.allSatisfy(\.isWatched) {
            throw ValidationError(
                "Every check watches over '\(rule.id)', and none is made for it: name another rule beside it, or leave --only away."
            )
        }
        if let rule = rules.first(where: \.needsKills), !durable {
            throw ValidationError("The rule '\(rule.id)' is checked with --durable only.")
        }
        if let problem = Self.problem(with: config) { throw ValidationError(problem) }
        guard timeout > 0, timeout <= 1_000_000 else {
            throw ValidationError("--timeout is a number of seconds above 0, and a million at most.")
        }
    }

    /// What is wrong with a configuration, without a part of it: it may hold credentials.
    private static func problem(with configuration: String) -> String? {
        Array(configuration.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            do throws(JSONError) {
                try scanner.object { _, value throws(JSONError) in try value.skipValue() }
                try scanner.end()
                return nil
            } catch {
                return """
                    --config is not a JSON object: byte \(scanner.offset + 1) is not what has to be there. Give one such as \
                    '{"path":"{dir}/keys"}'.
                    """
            }
        }
    }

    func run() throws {
        let output = Output(color: color)
        guard let path = realpath(file, nil) else { throw CommandFailure("cannot read \(file): \(Files.message(errno))") }
        defer { free(path) }
        guard let program = PluginDirectory.runningProgram else {
            throw CommandFailure("cannot find out which program this is: mount /proc")
        }
        Interruption.handle()
        let runner = try Runner(
            Runner.Options(
                library: String(cString: path), configuration: config, isDurable: durable, only: Set(only),
                seed: seed ?? UInt64.random(in: 0..<1_000_000), limit: timeout, workerCommand: [program, "plugin", "worker"]))
        let report = try runner.run { rule in
            // What a person sees meanwhile; the report takes its place.
            if output.isTerminal, !json { try? Output.write("\r\u{1b}[K\(rule.id) …", to: STDOUT_FILENO) }
        }
        if output.isTerminal, !json { try Output.write("\r\u{1b}[K", to: STDOUT_FILENO) }
        if json {
            try output.json(PluginReport.json(report))
        } else {
            try output.text(PluginReport.text(report, output))
        }
        if let left = report.left { try Output.write("\(left)\n", to: STDERR_FILENO) }
        if !report.isPassed { throw ExitCode(1) }
    }
}
