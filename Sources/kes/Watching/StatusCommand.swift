import ArgumentParser
import KESClient

/// `kes status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show how a server is.")

    @Flag(name: .shortAndLong, help: "Say only whether the server is up.")
    var short = false

    @Flag(help: "List the server's API as well.")
    var api = false

    // `-s` is `--short` here.
    @Option(
        name: .long,
        help: ArgumentHelp("The servers to call, instead of the environment's; tried in turn.", valueName: "host:port,…"))
    var server: String?

    @OptionGroup var client: ClientOptions
    @OptionGroup var printing: OutputOptions

    func run() async throws {
        let client = try client.client(server: server)
        let servers = client.endpoints.map(\.description).joined(separator: ", ")
        try await client.closing { client in
            do {
                let start = ContinuousClock.now
                let status = try await client.status()
                let roundTrip = ContinuousClock.now - start
                let apis = api ? try await client.apis() : []
                let output = printing.output
                if printing.isForProgram {
                    try output.json(json(status, apis))
                } else {
                    try output.text(text(status, apis, servers, roundTrip))
                }
            } catch let error as KESError {
                throw CommandFailure("get the status of \(servers)", error)
            }
        }
    }

    private func json(_ status: ServerStatus, _ apis: [APIDescription]) -> String {
        var members: [(String, String?)] = [("version", JSONText.string(status.version))]
        if !short {
            members += [
                ("os", JSONText.string(status.operatingSystem)),
                ("arch", JSONText.string(status.architecture)),
                ("uptime", "\(status.uptime)"),
                ("num_cpu", "\(status.processors)"),
                ("num_cpu_used", "\(status.processorsUsed)"),
                ("mem_heap_used", "\(status.heapUsed)"),
                ("mem_stack_used", "\(status.stackUsed)"),
            ]
        }
        members += [
            ("keystore_latency", status.keystoreLatency.map { "\($0)" }),
            ("keystore_unreachable", status.keystoreUnreachable ? "true" : nil),
        ]
        if api {
            let list = apis.map { api in
                JSONText.object([
                    ("method", JSONText.string(api.method)), ("path", JSONText.string(api.path)),
                    ("max_body", "\(api.maximumBody)"), ("timeout", "\(api.timeout)"),
                ])
            }
            members.append(("apis", "[" + list.joined(separator: ",") + "]"))
        }
        return JSONText.object(members)
    }

    private func text(_ status: ServerStatus, _ apis: [APIDescription], _ servers: String, _ roundTrip: Duration) -> String {
        let output = printing.output
        let mark = status.keystoreUnreachable ? output.red("●") : output.green("●")
        var text = "\(mark) \(output.bold(servers))\n"
        var rows: [(label: String, value: String)] = []
        if !short {
            rows += [
                ("Version", status.version),
                ("Uptime", Quantity.uptime(status.uptime)),
                ("Round trip", Self.milliseconds(roundTrip)),
            ]
        }
        let latency = status.keystoreLatency.map { "\($0) ms" } ?? "unknown latency"
        rows.append(("Keystore", status.keystoreUnreachable ? output.red("out of reach") : latency))
        if !short {
            rows += [
                ("System", "\(status.operatingSystem) \(status.architecture)"),
                ("Processors", "\(status.processorsUsed) of \(status.processors)"),
                ("Heap", Self.size(status.heapUsed)),
                ("Stack", Self.size(status.stackUsed)),
            ]
        }
        text += output.table(rows)
        if api {
            text += "\n"
            text += output.table(
                apis.map { api in
                    let body = api.maximumBody == 0 ? "no body" : "body up to \(Self.size(UInt64(clamping: api.maximumBody)))"
                    let limit = api.timeout == 0 ? "no time limit" : "\(api.timeout) s"
                    return (api.method, "\(api.path)  \(output.faint("\(body), \(limit)"))")
                })
        }
        return text
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10_000 + duration.components.attoseconds / 100_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) ms"
    }

    static func size(_ bytes: UInt64) -> String {
        if bytes >= 10 << 20 { return "\(bytes >> 20) MiB" }
        return bytes >= 10 << 10 ? "\(bytes >> 10) KiB" : "\(bytes) B"
    }
}
