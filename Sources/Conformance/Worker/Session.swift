import Glibc
import NIOConcurrencyHelpers

/// One check in a worker process: what it needs, and where it reports.
final class Session: Sendable {
    /// Ends a check that cannot go on. What is wrong was reported before.
    struct Stopped: Error {}

    let library: Library
    /// The JSON text for open().
    let configuration: [UInt8]
    let marker: SecretMarker
    /// What the names of this check begin with, so that it meets no others.
    let prefix: String
    /// Whether the keystore is the check's own, to be thrown away: nothing has to be removed.
    let isFresh: Bool
    let seed: UInt64
    let progress: Progress
    private let report: Int32
    private let reported = NIOLockedValueBox<[String: Int]>([:])
    private let tried = NIOLockedValueBox<Set<Rule>>([])
    /// The most findings that are reported of one rule in one check.
    private static let limit = 4

    init(
        library: Library, configuration: [UInt8], seed: UInt64, prefix: String, isFresh: Bool, progress: Progress, report: Int32
    ) {
        self.library = library
        self.configuration = configuration
        self.seed = seed
        marker = SecretMarker(seed: seed)
        self.prefix = prefix
        self.isFresh = isFresh
        self.progress = progress
        self.report = report
    }

    // MARK: Reporting

    func fail(_ rule: Rule, _ text: String) { send(Finding(.failed, rule, text)) }
    func warn(_ rule: Rule, _ text: String) { send(Finding(.warned, rule, text)) }
    func skip(_ rule: Rule, _ text: String) { send(Finding(.skipped, rule, text)) }
    func tell(_ text: String) { write(Finding(.told, nil, text)) }
    func finish() { write(Finding(.finished, nil, "")) }

    /// Notes that there was something to see of a rule that is looked at on the way of others.
    func noteTried(_ rule: Rule) {
        if tried.withLockedValue({ $0.insert(rule).inserted }) { write(Finding(.tried, rule, "")) }
    }

    func expect(_ holds: Bool, _ rule: Rule, _ text: @autoclosure () -> String) {
        if !holds { fail(rule, text()) }
    }

    func stop(_ rule: Rule, _ text: String) -> Stopped {
        fail(rule, text)
        return Stopped()
    }

    private func send(_ finding: Finding) {
        let count = reported.withLockedValue { reported in
            reported[finding.rule, default: 0] += 1
            return reported[finding.rule] ?? 0
        }
        if count <= Self.limit { write(finding) }
    }

    private func write(_ finding: Finding) {
        var line = finding.line
        // A pipe takes a line of up to 4096 bytes in one piece, whichever threads write (pipe(7)).
        if line.utf8.count > 4000 { line = String(line.prefix(1000)) + "…\n" }
        line.withUTF8 { bytes in
            // Whoever cannot be told any more is gone: the runner ends its workers.
            if Glibc.write(report, bytes.baseAddress, bytes.count) != bytes.count { _exit(3) }
        }
    }

    // MARK: Names and values

    func name(_ suffix: String) -> String { prefix + suffix }

    /// `size` bytes that follow from `label`, with the marker at the beginning, or as much of it as there is room for.
    func value(_ label: String, size: Int = 100) -> [UInt8] {
        // FNV-1a, so that the seed of the bytes is the label's in every process.
        let hash = label.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        var random = SplitMix(seed: seed ^ hash)
        var bytes = [UInt8]()
        bytes.reserveCapacity(size + 8)
        bytes += marker.bytes.prefix(size)
        while bytes.count < size {
            let number = random.next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        return Array(bytes.prefix(size))
    }

    // MARK: Instances

    /// Opens the keystore, lends it to `body`, removes what the check has created unless all is thrown away, and closes it.
    ///
    /// - Parameter keepsNames: leaves what was created to another instance, unless `body` throws.
    func withInstance<Result>(keepsNames: Bool = false, _ body: (Instance) throws -> Result) throws -> Result {
        let instance = try open()
        var isKept = false
        defer {
            if !isFresh, !isKept { instance.removeCreated() }
            instance.close()
        }
        let result = try body(instance)
        isKept = keepsNames
        return result
    }

    /// Opens the keystore with the configuration that was given.
    func open() throws -> Instance {
        var handle: Instance?
        let outcome = Instance.open(self, configuration: configuration, instance: &handle)
        guard outcome.code == .ok, let handle else {
            throw stop(
                .answers,
                "open() answered \(outcome) to the configuration of this check")
        }
        return handle
    }
}
