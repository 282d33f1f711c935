import CLinux
import Glibc

/// Checks a plugin against the interface, each rule in a process of its own: what the plugin does to its process it does to itself.
package final class Runner {
    package struct Options: Sendable {
        /// Path of the library.
        package var library: String
        /// JSON for open(); `{dir}` in it stands for a new directory.
        package var configuration: String
        /// Kills writers at random moments too.
        package var isDurable: Bool
        /// The ids of the rules to check; empty for all.
        package var only: Set<String>
        /// What names, values and moments follow from.
        package var seed: UInt64
        /// How long one check may take, in seconds.
        package var limit: Double
        /// The command that starts a worker: the program and its first arguments.
        package var workerCommand: [String]

        package init(
            library: String, configuration: String, isDurable: Bool, only: Set<String>, seed: UInt64, limit: Double,
            workerCommand: [String]
        ) {
            self.library = library
            self.configuration = configuration
            self.isDurable = isDurable
            self.only = only
            self.seed = seed
            self.limit = limit
            self.workerCommand = workerCommand
        }
    }

    /// The check itself could not be made: nothing is known of the plugin.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    let options: Options
    let directories: WorkDirectories
    var findings: [Finding] = []
    private var checked: Set<Rule> = []
    private var tried: Set<Rule> = []
    /// Whether there was an instance; nil when none was asked for.
    private var hasOpened: Bool?
    /// What open() answered when it refused.
    private var refusal: Substring?
    private var plugin: (name: String, version: String)?
    private(set) var isVolatile = false
    private(set) var isSerial = false
    private var workers = 0
    /// Whether a worker may have made keys in a keystore that is not thrown away.
    private var hasUsedKept = false

    package init(_ options: Options) throws(Failure) {
        self.options = options
        directories = try WorkDirectories(configuration: options.configuration)
    }

    /// Runs the checks. `started` is told of each.
    package func run(started: (Rule) -> Void = { _ in }) throws -> Report {
        try runChecks(started)
        // A check that came to its end has removed its own.
        let isSwept = hasUsedKept && findings.contains { $0.kind == .failed }
        return try report(isSwept ? keptKeystore.sweep() : nil)
    }

    private func runChecks(_ started: (Rule) -> Void) throws {
        for check in Check.all where Rule.ofLibrary.contains(check.rule) && isWanted(check.rule) {
            started(check.rule)
            try run(check)
            // A library that cannot be loaded has nothing more to show.
            if findings.contains(where: { $0.kind == .failed }) { return }
        }
        let libraryOnly = !options.only.isEmpty && options.only.isSubset(of: Rule.ofLibrary.map(\.id))
        guard !libraryOnly, try opens() else { return }
        for check in Check.all where !Rule.ofLibrary.contains(check.rule) && ([check.rule] + check.also).contains(where: isWanted)
        {
            started(check.rule)
            try run(check)
        }
        if isWanted(.reopen) {
            try checkOtherProcess()
        } else if options.isDurable || [.processRace, .openForeign, .openDamaged].contains(where: isWanted) {
            try findOutWhetherValuesLast()
        }
        for rule in [Rule.openForeign, .openDamaged] where isWanted(rule) {
            started(rule)
            try checkFile(rule)
        }
        if isWanted(.processRace) {
            started(.processRace)
            try checkProcessRace()
        }
        if options.isDurable, isWanted(.durableKill) {
            started(.durableKill)
            try checkKills()
        }
    }

    private func isWanted(_ rule: Rule) -> Bool { options.only.isEmpty || options.only.contains(rule.id) }

    private func run(_ check: Check) throws {
        checked.formUnion([check.rule] + check.also)
        // A sanitizer has an allocator of its own, which neither counts nor checks for us.
        if check.environment != .plain, keswick_is_sanitized() != 0 {
            return findings.append(Finding(.skipped, check.rule, "this program is built with a sanitizer"))
        }
        let place = try directories.make(isOnDisk: false)
        let worker = try start(check.rule.id, in: place, environment: check.environment)
        conclude(worker, check.rule)
        directories.remove(place)
        for rule in check.also where !tried.contains(rule) {
            findings.append(Finding(.skipped, rule, "the check \(check.rule.id) did not come so far"))
        }
    }

    /// Whether the configuration opens the keystore: otherwise every check would end with the same.
    private func opens() throws -> Bool {
        let place = try directories.make(isOnDisk: false)
        defer { directories.remove(place) }
        hasOpened = false
        conclude(try start(Procedure.open.rawValue, in: place), .answers)
        return hasOpened == true
    }

    /// Without that check's rule being asked for: the checks with several processes have no meaning for a keystore in memory.
    private func findOutWhetherValuesLast() throws {
        let place = try directories.make(isOnDisk: false)
        defer { directories.remove(place) }
        let worker = try start(Rule.reopen.id, in: place)
        _ = worker.wait()
        for text in worker.takeTold() { note(text) }
    }

    // MARK: Workers

    /// The procedures of workers that make no keys.
    private static let makingNothing = Set(Rule.ofLibrary.map(\.id) + [Procedure.open.rawValue])

    /// Starts a worker with the configuration of `place`.
    func start(
        _ procedure: String, in place: WorkDirectories.Place, prefix: String? = nil, environment: Check.Environment = .plain
    ) throws -> WorkerProcess {
        workers += 1
        if !place.isFresh, !Self.makingNothing.contains(procedure) {
            hasUsedKept = true
            Interruption.change { $0.keptKeystore = keptKeystore }
        }
        let order = Worker.Order(
            library: options.library, procedure: procedure, seed: options.seed,
            prefix: prefix ?? names(workers), isFresh: place.isFresh, progress: directories.progress(workers))
        // A crash is reported by the runner; the worker need not print where it was.
        var variables = ["SWIFT_BACKTRACE": "enable=no", "GLIBC_TUNABLES": "glibc.malloc.perturb=165"]
        switch environment {
        case .plain: break
        case .untouched: variables["GLIBC_TUNABLES"] = nil
        case .checkedHeap:
            variables["LD_PRELOAD"] = "libc_malloc_debug.so.0"
            variables["MALLOC_CHECK_"] = "3"
        }
        return try WorkerProcess(
            order, command: options.workerCommand, configuration: Array(place.configuration.utf8), environment: variables,
            limit: options.limit)
    }

    /// What the names of the worker with that number begin with.
    func names(_ number: Int) -> String { "\(runNames)\(number)-" }

    /// What the names of all workers have in them, most of them at the beginning.
    private var runNames: String { "kc\(String(options.seed % 0xfff_ffff, radix: 36))-" }

    var nextNames: String { names(workers + 1) }

    /// What workers leave in a keystore that is not thrown away when they do not come to their end.
    private var keptKeystore: Interruption.KeptKeystore {
        let order = Worker.Order(
            library: options.library, procedure: Procedure.sweep.rawValue, seed: options.seed, prefix: runNames, isFresh: true,
            progress: directories.progress(0))
        let options = options
        return Interruption.KeptKeystore(names: runNames) { isHeld, hasBegun in
            do {
                let worker = try WorkerProcess(
                    order, command: options.workerCommand, configuration: Array(options.configuration.utf8), environment: [:],
                    limit: options.limit, isHeld: isHeld)
                // What plugin it is. Then it has its progress in memory.
                _ = worker.nextTold()
                hasBegun()
                let end = worker.wait()
                if let told = worker.takeTold().last { return told == "swept" ? nil : told }
                return end == .overdue
                    ? "removing them took more than \(Int(options.limit)) s"
                    : "the plugin ended its process, which was removing them"
            } catch { return "\(error)" }
        }
    }

    /// Waits for the worker, and takes what it has found and how it ended.
    func conclude(_ worker: WorkerProcess, _ rule: Rule) {
        let end = worker.wait()
        take(worker.findings) { $0.kind != .finished }
        for text in worker.takeTold() { note(text) }
        let marker = SecretMarker(seed: options.seed)
        let shown = String(decoding: worker.outputText, as: UTF8.self)
        if marker.isFound(in: shown) {
            findings.append(Finding(.failed, .secrets, "standard output or error showed a part of a value (in \(rule.id))"))
        }
        let isFinished = worker.findings.contains { $0.kind == .finished }
        let last = Progress(file: worker.progress)?.last.name ?? "no function"
        let said = marker.isFound(in: shown) ? "" : shown.split(separator: "\n").last.map { ": \($0)" } ?? ""
        switch end {
        case .overdue:
            findings.append(
                Finding(
                    .failed, .hang, "\(last) did not return within the \(Int(options.limit)) s of the check \(rule.id)"))
            findings.append(Finding(.skipped, rule, "the plugin hung: see process.hang"))
        case .exited where isFinished:
            if rule == .heap, shown.contains("cannot be preloaded") {
                findings.append(Finding(.skipped, .heap, "the C library's libc_malloc_debug.so.0 is not installed"))
            } else if !worker.outputText.isEmpty {
                findings.append(Finding(.failed, .silence, "in \(rule.id) it wrote\(said.isEmpty ? "" : said)"))
            }
        case .exited(let code):
            findings.append(
                Finding(
                    .failed, .crash,
                    "the process ended with code \(code) in or after \(last), in the check \(rule.id)\(said)"))
            findings.append(Finding(.skipped, rule, "the plugin ended the process: see process.crash"))
        case .killed(let signal):
            // Two checks lay traps that a plugin which breaks their rule dies of.
            let isTrapped =
                rule == .heap && signal == SIGABRT || rule == .valueBorrowed && (signal == SIGSEGV || signal == SIGBUS)
            let text =
                "\(String(cString: strsignal(signal))) (signal \(signal)) in or after \(last), in the check \(rule.id)\(said)"
            findings.append(Finding(.failed, isTrapped ? rule : .crash, text))
            if !isTrapped { findings.append(Finding(.skipped, rule, "the plugin crashed: see process.crash")) }
        }
    }

    /// Takes those findings of a worker that are wanted, and what it has tried.
    func take(_ found: [Finding], where isWanted: (Finding) -> Bool) {
        tried.formUnion(found.filter { $0.kind == .tried }.compactMap { Rule.named($0.rule) })
        findings += found.filter { $0.kind != .tried && isWanted($0) }
    }

    private func note(_ text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "volatile": isVolatile = true
        case "opens": hasOpened = true
        case "refuses": refusal = text.dropFirst("refuses ".count)
        case "plugin" where words.count == 5:
            plugin = (String(words[1]), String(words[2]))
            isSerial = words[3] == "serial"
        default: break
        }
    }

    func markChecked(_ rule: Rule) { checked.insert(rule) }

    // MARK: The report

    /// - Parameter left: What could not be removed from a keystore that is not thrown away.
    private func report(_ left: String?) throws(Failure) -> Report {
        let lines = Rule.all.compactMap { rule -> Report.Line? in
            let own = findings.filter { $0.rule == rule.id }
            // What was to be checked and was not is in the report too.
            let isLost = hasOpened == false && isWanted(rule) && (options.isDurable || !rule.needsKills)
            guard checked.contains(rule) || rule.isWatched || isLost || !own.isEmpty else { return nil }
            let order: [(Finding.Kind, Report.Result)] = [(.failed, .failed), (.warned, .warned), (.skipped, .skipped)]
            for (kind, result) in order where own.contains(where: { $0.kind == kind }) {
                return line(rule, result, own.filter { $0.kind == kind }.map(\.text))
            }
            // Only the library was looked at.
            if hasOpened != true, !Rule.ofLibrary.contains(rule) { return line(rule, .skipped, ["no instance was opened"]) }
            if let reason = rule.untried, !tried.contains(rule) { return line(rule, .skipped, [reason]) }
            return line(rule, .passed, [])
        }
        let problem = refusal.map {
            "open() answered \($0): give a configuration that works with --config; {dir} in it stands for a new directory"
        }
        let report = Report(
            library: options.library, name: plugin?.name, version: plugin?.version, problem: problem, lines: lines, left: left)
        if report.isPassed, let id = options.only.sorted().first(where: { id in !lines.contains { $0.rule.id == id } }) {
            throw Failure(description: "nothing was tried of the rule \(id)")
        }
        return report
    }

    private func line(_ rule: Rule, _ result: Report.Result, _ details: [String]) -> Report.Line {
        var command = "kes plugin check \(options.library) --config '\(options.configuration)' --seed \(options.seed)"
        if rule == .durableKill { command += " --durable" }
        if !rule.isWatched { command += " --only \(rule.id)" }
        return Report.Line(rule: rule, result: result, details: details.uniqued().prefix(5).map { $0 }, reproduce: command)
    }
}

extension [String] {
    /// Without repetitions, in order.
    fileprivate func uniqued() -> [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
