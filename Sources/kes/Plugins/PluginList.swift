import ArgumentParser
import Glibc
import Host
import KESClient

/// `kes plugin ls`
struct PluginList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the plugins that a server would find, and why it would refuse one.",
        discussion:
            "Each plugin is looked at in a process of its own. Without --plugins, KES_PLUGINS counts, then what a server searches. "
            + "Exits with 1 when a server would refuse one of them; the others are listed all the same. Of several manifests with one "
            + "name the server takes the first, and the others are hidden."
    )

    @Option(help: ArgumentHelp("Where the plugins' manifests are.", valueName: "dir"), completion: .directory)
    var plugins: String?

    @OptionGroup var printing: OutputOptions

    func run() throws {
        let explicit = PluginDirectory.explicit(
            option: plugins, environment: Environment.value("KES_PLUGINS"), configuration: nil)
        let directory = PluginDirectory(explicit: explicit)
        let entries = PluginCatalogue.entries(in: directory)
        let output = printing.output
        if printing.json {
            try output.json("[" + entries.map(\.json).joined(separator: ",") + "]")
        } else {
            try list(entries, of: directory, output)
        }
        if entries.contains(where: { $0.state == .refused }) { throw ExitCode(1) }
    }

    private func list(_ entries: [PluginCatalogue.Entry], of directory: PluginDirectory, _ output: Output) throws {
        guard !entries.isEmpty else {
            throw CommandFailure(
                "no plugins: there is no manifest in \(directory.searched.joined(separator: ", ")). "
                    + "Name a directory with --plugins or KES_PLUGINS")
        }
        for entry in entries {
            let mark =
                switch entry.state {
                case .ready: output.green("●")
                case .hidden: output.yellow("●")
                case .refused: output.red("●")
                }
            let version = entry.version.map { " \($0)" } ?? ""
            try output.text("\(mark) \(output.bold(entry.name))\(version)\n" + entry.lines(output).map { "  \($0)\n" }.joined())
        }
    }
}

/// `kes plugin info FILE`
struct PluginInfo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what a plugin's library says about itself.",
        discussion: "The library is loaded in a process of its own. Exits with 1 when a server would refuse it.")

    @Argument(help: ArgumentHelp("The plugin's shared library.", valueName: "file"), completion: .file(extensions: ["so"]))
    var file: String

    @OptionGroup var printing: OutputOptions

    func run() throws {
        guard access(file, F_OK) == 0 else { throw CommandFailure("cannot read \(file): \(Files.message(errno))") }
        let entry = PluginCatalogue.library(at: file)
        let output = printing.output
        if printing.json {
            try output.json(entry.json)
        } else {
            let title = entry.version.map { "\(entry.name) \($0)" } ?? file
            try output.text("\(output.bold(title))\n" + entry.lines(output).map { "  \($0)\n" }.joined())
        }
        if entry.problem != nil { throw ExitCode(1) }
    }
}

extension PluginCatalogue.Entry {
    fileprivate enum State: String {
        case ready
        /// Another manifest of that name comes first.
        case hidden
        case refused
    }

    fileprivate var state: State { hiddenBy != nil ? .hidden : problem == nil ? .ready : .refused }

    private func shownState(_ output: Output) -> String {
        if let hiddenBy { return output.yellow("hidden: ") + "\(hiddenBy) comes first and has the same name" }
        return problem.map { output.red("refused: ") + $0 } ?? output.green("ready")
    }

    private var capabilities: String? {
        guard let isSerial, let isDurable else { return nil }
        let names = [isDurable ? "durable" : nil, isSerial ? "serial" : nil].compactMap { $0 }
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    /// For people, one fact a line.
    fileprivate func lines(_ output: Output) -> [String] {
        let facts: [(label: String, value: String?)] = [
            ("State", shownState(output)),
            ("Manifest", manifest), ("Library", library), ("SHA-256", sha256), ("Interface", abiVersion.map { "version \($0)" }),
            ("Claims", capabilities), ("Isolation", isolation?.rawValue),
        ]
        return output.table(facts.compactMap { fact in fact.value.map { (fact.label, $0) } }).split(separator: "\n").map(
            String.init)
    }

    fileprivate var json: String {
        JSONText.object([
            ("name", JSONText.string(name)), ("version", version.map(JSONText.string)), ("abi", abiVersion.map { "\($0)" }),
            ("state", JSONText.string(state.rawValue)), ("problem", problem.map(JSONText.string)),
            ("hiddenBy", hiddenBy.map(JSONText.string)),
            ("manifest", manifest.map(JSONText.string)), ("library", library.map(JSONText.string)),
            ("sha256", sha256.map(JSONText.string)), ("durable", isDurable.map { "\($0)" }), ("serial", isSerial.map { "\($0)" }),
            ("isolation", isolation.map { JSONText.string($0.rawValue) }),
        ])
    }
}
