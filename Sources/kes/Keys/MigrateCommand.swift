import ArgumentParser
import Glibc
import Host
import KESClient

/// `kes migrate`
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Copy keys from one keystore to another.",
        discussion: """
            Both keystores are those of configuration files, of which nothing but `keystore` is needed. No server has to run; one that does should not create or delete keys \
            meanwhile. Each key is read back and compared. A migration that was broken off is taken up again with --merge. \
            Ctrl-C finishes the keys that are on their way.
            """)

    @Option(help: ArgumentHelp("The configuration file of the keystore to copy from.", valueName: "file"), completion: .file())
    var from: String

    @Option(help: ArgumentHelp("The configuration file of the keystore to copy to.", valueName: "file"), completion: .file())
    var to: String

    @Flag(name: .shortAndLong, help: "Replace keys of the destination that differ.")
    var force = false

    @Flag(help: "Keep keys of the destination that are equal; those that differ are errors.")
    var merge = false

    @Flag(name: .shortAndLong, help: ArgumentHelp("Do not show how far it is.", visibility: .hidden))
    var quiet = false

    @Option(help: ArgumentHelp("Where the keystore plugins' manifests are.", valueName: "dir"), completion: .directory)
    var plugins: String?

    @Argument(help: "What the names of the keys start with; a final * changes nothing. Default: all keys.")
    var pattern = ""

    @OptionGroup var printing: OutputOptions

    func validate() throws {
        if force, merge { throw ValidationError("Use --force or --merge, not both.") }
    }

    func run() async throws {
        _ = ProcessHardening.apply()
        let (source, destination) = (try load(from), try load(to))
        let migration: KeystoreMigration
        do {
            migration = try KeystoreMigration.open(
                from: source, to: destination, pluginDirectory: plugins ?? Environment.value("KES_PLUGINS"))
        } catch {
            throw CommandFailure("migrate", error)
        }
        defer { migration.close() }
        if !migration.isDestinationDurable {
            try Output.write(
                "Warning: the keystore '\(migration.destinationName)' does not promise to keep keys over a crash\n",
                to: STDERR_FILENO)
        }
        try migration.stopAtSignals {
            // On a terminal behind the line that says how far it is. Whoever does not read it cannot be told.
            try? Output.write(
                "\nInterrupted: the keys that are on their way are finished first. Once more ends it at once, and may cost a key that is "
                    + "being replaced.\n", to: STDERR_FILENO)
        }
        let line = ProgressLine(isShown: !quiet, text: { Self.text($0, printing.output) })
        do {
            let result = try await migration.run(
                pattern: pattern, existing: force ? .overwrite : merge ? .merge : .refuse, report: line.show)
            line.clear()
            try summarize(result, migration)
        } catch let error as MigrationError {
            line.clear()
            let failure = CommandFailure("migrate", error)
            if case .interrupted(let signal, _, _) = error { throw failure.ending(with: signal) }
            throw failure
        }
    }

    private func load(_ path: String) throws(CommandFailure) -> KeystorePlace {
        do {
            return try ConfigurationFile.loadKeystore(path: path, environment: Environment.variables())
        } catch {
            throw CommandFailure("the configuration is not valid\n\(error)")
        }
    }

    private func summarize(_ result: KeystoreMigration.Progress, _ migration: KeystoreMigration) throws(CommandFailure) {
        let output = printing.output
        guard !printing.json else {
            return try output.json(
                JSONText.object([
                    ("total", "\(result.total)"), ("copied", "\(result.copied)"), ("skipped", "\(result.skipped)"),
                    ("overwritten", "\(result.overwritten)"),
                ]))
        }
        var text = "\(output.green("Copied \(result.copied) of \(Plural.count(result.total, "key"))")) from "
        text += "\(migration.sourceName) to \(migration.destinationName)"
        if result.skipped > 0 { text += ", \(result.skipped) \(result.skipped == 1 ? "was" : "were") there already" }
        if result.overwritten > 0 { text += ", \(result.overwritten) \(result.overwritten == 1 ? "was" : "were") replaced" }
        try output.line(text)
    }

    private static func text(_ progress: KeystoreMigration.Progress, _ output: Output) -> String {
        let percent = progress.total == 0 ? 100 : progress.done * 100 / progress.total
        let width = 24
        let filled = width * percent / 100
        let bar =
            output.green(String(repeating: "█", count: filled)) + output.faint(String(repeating: "░", count: width - filled))
        return "\(bar) \(percent) %  \(progress.done) of \(Plural.count(progress.total, "key"))"
    }
}

/// A line on a terminal that is written over as work goes on; nothing where standard error is none.
final class ProgressLine<Progress> {
    private let isShown: Bool
    private let text: (Progress) -> String
    private var last: ContinuousClock.Instant?

    // Faster than anyone reads, and slow enough to cost nothing.
    private let interval = Duration.milliseconds(100)

    init(isShown: Bool = true, text: @escaping (Progress) -> String) {
        self.isShown = isShown && isatty(STDERR_FILENO) == 1
        self.text = text
    }

    func show(_ progress: Progress) {
        let now = ContinuousClock.now
        guard isShown, last.map({ now - $0 >= interval }) ?? true else { return }
        last = now
        write("\r" + text(progress) + "\u{1b}[K")
    }

    /// Makes room for what is written next.
    func clear() {
        if isShown { write("\r\u{1b}[K") }
    }

    private func write(_ text: String) {
        // Work goes on when nobody can watch it.
        try? Output.write(text, to: STDERR_FILENO)
    }
}
