import ArgumentParser
import KESClient

/// `kes bench`
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure how fast a server answers.",
        usage: "kes bench [--concurrency <n>] [--duration <duration>] [generate|encrypt|decrypt] <key>",
        discussion: """
            Calls a server over and over with one key, from as many tasks as --concurrency says, and prints how many requests it answered \
            and how long they took. The key must exist. The server pays for it: think twice before you point this at one in production.
            """)

    enum Operation: String, CaseIterable {
        case generate
        case encrypt
        case decrypt
    }

    @Option(help: "How many requests are under way at once, 1 to 1000.")
    var concurrency = 16

    @Option(help: "How long to go on.")
    var duration = DurationArgument(seconds: 10)

    @Argument(
        help: ArgumentHelp("What to do, generate unless said otherwise, and with which key.", valueName: "operation-and-key"))
    var words: [String]

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        guard (1...1000).contains(concurrency) else { throw ValidationError("--concurrency is 1 to 1000, not \(concurrency)") }
        guard duration.value > .zero, duration.value <= .seconds(3600) else {
            throw ValidationError("--duration is more than nothing and 1h at most, not \(duration)")
        }
        guard words.count == 1 || words.count == 2 else {
            throw ValidationError("say what to do, if not generate, and the name of one key")
        }
        try KeyNames.checkIsNoAPIKey(words)
        guard words.count == 1 || Operation(rawValue: words[0]) != nil else {
            throw ValidationError("'\(words[0])' is none of generate, encrypt and decrypt")
        }
    }

    func run() async throws {
        // `validate` has seen one name, with an operation before it or without.
        guard let key = words.last else { return }
        let operation = words.count == 2 ? Operation(rawValue: words[0]) ?? .generate : .generate
        let result = try await connection.withClient { client in
            let action: BenchAction
            do {
                action = try await BenchAction(operation, key: key, client)
            } catch {
                throw CommandFailure("\(operation.rawValue) with key '\(key)'", error)
            }
            let run = BenchRun(action: action, concurrency: concurrency, duration: duration.value, output: printing.output)
            return try await run.run()
        }
        if printing.isForProgram {
            try printing.output.json(json(result, operation, key))
        } else {
            try printing.output.text(text(result, operation, key))
        }
        guard result.latencies.count > 0 else { throw CommandFailure("no request succeeded") }
    }

    private static let shares: [(name: String, share: Double)] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)]

    private func json(_ result: BenchResult, _ operation: Operation, _ key: String) -> String {
        var latencies = Self.shares.map { ($0.name, Optional("\(result.latencies.quantile($0.share) / 1000)")) }
        latencies.append(("max", "\(result.latencies.maximum / 1000)"))
        let errors = result.errors.sorted { $0.key < $1.key }.map { ($0.key, Optional("\($0.value)")) }
        return JSONText.object([
            ("operation", JSONText.string(operation.rawValue)), ("key", JSONText.string(key)), ("concurrency", "\(concurrency)"),
            ("seconds", "\(result.seconds)"), ("requests", "\(result.latencies.count)"), ("rate", "\(Int(result.rate))"),
            ("latency_us", JSONText.object(latencies)), ("errors", JSONText.object(errors)),
        ])
    }

    private func text(_ result: BenchResult, _ operation: Operation, _ key: String) -> String {
        let output = printing.output
        var rows = [
            (label: "Operation", value: "\(operation.rawValue) with key \(output.bold(key))"),
            (label: "Requests", value: "\(Quantity.count(Double(result.latencies.count))) in \(Self.tenths(result.seconds)) s"),
            (label: "Rate", value: output.bold("\(Quantity.rate(result.rate)) requests/s")),
        ]
        for (name, share) in Self.shares { rows.append((name, Self.milliseconds(result.latencies.quantile(share)))) }
        rows.append(("max", Self.milliseconds(result.latencies.maximum)))
        let failed = result.errors.values.reduce(0, +)
        rows.append(("Errors", failed == 0 ? output.green("none") : output.red(Quantity.count(Double(failed)))))
        for (message, count) in result.errors.sorted(by: { $0.value > $1.value }) { rows.append(("", "\(count) × \(message)")) }
        return output.table(rows)
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String {
        let microseconds = nanoseconds / 1000
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) ms"
    }

    private static func tenths(_ seconds: Double) -> String {
        let value = Int((seconds * 10).rounded())
        return "\(value / 10).\(value % 10)"
    }
}
