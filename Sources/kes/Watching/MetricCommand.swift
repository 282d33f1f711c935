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
        try await connection.withClient { client in
            // The first look tells whether there is anything to watch.
            let first = try await Self.look(client)
            if printing.isForProgram {
                try await print(first, client)
            } else {
                try await watch(first, client)
            }
        }
    }

    private func print(_ first: MetricView.Look, _ client: KESClient) async throws {
        var look = first
        while true {
            try printing.output.json(look.sample.json)
            try await Task.sleep(for: rate.value)
            look = try await Self.look(client)
        }
    }

    private func watch(_ first: MetricView.Look, _ client: KESClient) async throws {
        let servers = client.endpoints.map(\.description).joined(separator: ", ")
        var view = MetricView(servers: servers, every: rate.description)
        view.add(first)
        let output = printing.output
        let screen = try LiveScreen()
        defer { screen.finish() }
        while true {
            var size = TerminalSize.current
            try screen.draw(view.lines(size, output))
            let next = ContinuousClock.now + rate.value
            while ContinuousClock.now < next {
                try await Task.sleep(for: min(next - .now, Self.sizeInterval))
                if TerminalSize.current != size {
                    size = TerminalSize.current
                    try screen.draw(view.lines(size, output))
                }
            }
            do {
                view.add(try await Self.look(client))
            } catch {
                // It may come back: who watches wants to see that, too.
                view.problem = "\(error)"
            }
        }
    }

    // How soon the view fits a window that was resized.
    private static let sizeInterval = Duration.milliseconds(200)

    private static func look(_ client: KESClient) async throws(CommandFailure) -> MetricView.Look {
        do {
            let sample = MetricSample(try await client.metrics())
            return MetricView.Look(sample: sample, at: .now)
        } catch {
            throw CommandFailure("read the metrics", error)
        }
    }
}
