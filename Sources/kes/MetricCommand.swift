import ArgumentParser
import KESClient

/// `kes metric`
struct MetricCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metric", abstract: "Watch a server's metrics: live on a terminal, else a JSON line for each look.")

    @Option(help: ArgumentHelp("How often to look.", valueName: "duration"))
    var rate = DurationArgument(seconds: 3)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        if rate.value < .milliseconds(100) { throw ValidationError("--rate has to be 100ms or more.") }
    }

    func run() async throws {
        let output = printing.output
        try await connection.withClient { client in
            var before: (sample: MetricSample, at: ContinuousClock.Instant)?
            while true {
                let now = ContinuousClock.now
                let sample: MetricSample
                do {
                    sample = MetricSample(try await client.metrics())
                } catch {
                    throw CommandFailure("read the metrics", error)
                }
                if printing.isForProgram {
                    try output.line(sample.json)
                } else {
                    let elapsed = before.map { now - $0.at }
                    let view = MetricView.text(sample, since: before?.sample, elapsed: elapsed, output)
                    // From the top left corner, clearing what was there before: nothing flickers.
                    try output.text("\u{1b}[H\u{1b}[J" + view)
                }
                before = (sample, now)
                try await Task.sleep(for: rate.value)
            }
        }
    }
}
