/// The metrics of a server for a person to watch: what the screen shows.
struct MetricView {
    /// One look at the metrics.
    struct Look {
        let sample: MetricSample
        let at: ContinuousClock.Instant
    }

    let servers: String
    /// How often it looks, as written.
    let every: String
    private var last: Look?
    private var before: Look?
    /// Requests per second at each look, the newest last.
    private var rates: [Double] = []
    /// Why the last look failed; nil when it did not.
    var problem: String?

    // More than any terminal has columns.
    private static let rememberedRates = 1000

    init(servers: String, every: String) {
        self.servers = servers
        self.every = every
    }

    mutating func add(_ look: Look) {
        before = last
        last = look
        problem = nil
        if before != nil {
            rates.append(rate { Self.requests($0) })
            if rates.count > Self.rememberedRates { rates.removeFirst() }
        }
    }

    /// The lines of a screen of this size: no more of them than it has rows, and, from 60 columns on, none longer than those.
    func lines(_ size: TerminalSize, _ output: Output) -> [String] {
        guard let sample = last?.sample else { return [] }
        // What is narrower than that wraps the lines.
        let width = min(max(size.columns, 20), 160)
        var lines = [title(sample, width, output)]
        // The title, an empty line above each block, and the last line.
        let left = [requests(sample), latency(sample), connections(sample)]
        let right = [keystore(sample), system(sample)]
        if width >= 110 {
            let half = (width - 4) / 2
            let rest = size.rows - 3 - right.reduce(0) { $0 + $1.height + 1 }
            let columns = (
                Self.stack(left, half, output), Self.stack([apis(sample, rows: rest - 2)] + right, half, output)
            )
            for index in 0..<max(columns.0.count, columns.1.count) {
                let (first, second) = (columns.0.dropFirst(index).first, columns.1.dropFirst(index).first)
                lines.append((first ?? .blank(half)).text + "    " + (second ?? .blank(half)).text)
            }
        } else {
            let blocks = left + right
            let rest = size.rows - 2 - blocks.reduce(0) { $0 + $1.height + 1 }
            lines += Self.stack(blocks + (rest > 2 ? [apis(sample, rows: rest - 2)] : []), width, output).map(\.text)
        }
        lines = Array(lines.prefix(max(size.rows - 1, 1)))
        return lines + [problem.map { output.red(MetricBlock.cut("No answer: \($0)", width)) } ?? output.faint("Ctrl-C ends it")]
    }

    private static func stack(_ blocks: [MetricBlock], _ width: Int, _ output: Output) -> [MetricBlock.Line] {
        blocks.flatMap { [.blank(width)] + $0.lines(width, output) }
    }

    private func title(_ sample: MetricSample, _ width: Int, _ output: Output) -> String {
        let version = sample.info("keswick_build_info", "version").map { "  Keswick \($0)" } ?? ""
        let uptime = sample.sum("kes_system_up_time").map { "  up \(Quantity.uptime(UInt64(min(max($0, 0), 1e15))))" } ?? ""
        let right = "every \(every)"
        let left = MetricBlock.cut("\(servers)\(version)\(uptime)", width - right.count - 1)
        let gap = String(repeating: " ", count: max(width - left.count - right.count, 1))
        return output.bold(left) + gap + output.faint(right)
    }

    // MARK: - Blocks

    private func requests(_ sample: MetricSample) -> MetricBlock {
        func row(_ label: String, _ name: String, _ style: MetricBlock.Style) -> MetricBlock.Row {
            let total = sample.sum(name) ?? 0
            return .cells(
                label, [Quantity.count(total), Quantity.rate(rate { $0.sum(name) ?? 0 })], total > 0 ? style : .plain)
        }
        return MetricBlock(
            heading: "Requests", columns: ["since the start", "a second"],
            rows: [
                row("succeeded", "kes_http_request_success", .good), row("refused (4xx)", "kes_http_request_error", .attention),
                row("failed (5xx)", "kes_http_request_failure", .bad),
                .cells("in flight", [Quantity.count(sample.sum("kes_http_request_active") ?? 0), ""], .plain),
                .chart(rates),
            ])
    }

    private func latency(_ sample: MetricSample) -> MetricBlock {
        // Ours begins at 50 µs; that of other KES servers at 10 ms.
        let name =
            sample.values(of: "le", in: "keswick_api_latency_seconds_bucket").isEmpty
            ? "kes_http_response_time" : "keswick_api_latency_seconds"
        func row(_ label: String, _ distribution: LatencyDistribution) -> MetricBlock.Row {
            .cells(label, [0.5, 0.9, 0.99].map { Quantity.latency(distribution.bound($0)) }, .plain)
        }
        let all = sample.histogram(name)
        let recent = before.map { all.since($0.sample.histogram(name)) } ?? LatencyDistribution(counts: [:])
        return MetricBlock(
            heading: "Latency", columns: ["half", "90 %", "99 %"],
            rows: [row("last \(every)", recent), row("since the start", all)])
    }

    private func connections(_ sample: MetricSample) -> MetricBlock {
        var cells = sample.values(of: "protocol", in: "keswick_connections").map { spoken in
            "\(spoken) \(Quantity.count(sample.sum("keswick_connections", where: ("protocol", spoken)) ?? 0))"
        }
        if let failures = sample.sum("keswick_tls_handshake_failures_total") {
            cells.append("TLS failures \(Quantity.count(failures))")
        }
        return MetricBlock(heading: "Connections", rows: cells.isEmpty ? [] : [.text(cells.joined(separator: "   "))])
    }

    private func keystore(_ sample: MetricSample) -> MetricBlock {
        let plugin = ["name", "version"].compactMap { sample.info("keswick_keystore_plugin_info", $0) }.joined(separator: " ")
        let (hits, misses) = (sample.sum("keswick_cache_hits_total") ?? 0, sample.sum("keswick_cache_misses_total") ?? 0)
        let (calls, errors) = (
            sample.sum("keswick_keystore_calls_total") ?? 0, sample.sum("keswick_keystore_errors_total") ?? 0
        )
        let latency = sample.histogram("keswick_keystore_latency_seconds").bound(0.99)
        guard !plugin.isEmpty else { return MetricBlock(heading: "Keystore", rows: []) }
        return MetricBlock(
            heading: "Keystore \(plugin)",
            rows: [
                .text(
                    "cached keys \(Quantity.count(sample.sum("keswick_cache_keys") ?? 0))   "
                        + "found in the cache \(Quantity.share(hits, of: hits + misses))"),
                .text(
                    "calls \(Quantity.count(calls))   99 % \(Quantity.latency(latency))   errors \(Quantity.count(errors))",
                    errors > 0 ? .bad : .plain),
            ])
    }

    private func system(_ sample: MetricSample) -> MetricBlock {
        func number(_ label: String, _ name: String, _ text: (Double) -> String = Quantity.count) -> String? {
            sample.sum(name).map { "\(label) \(text($0))" }
        }
        let memory = [
            number("memory", "keswick_process_resident_memory_bytes", Quantity.size),
            number("heap", "kes_system_mem_heap_used", Quantity.size), number("threads", "kes_system_num_threads"),
        ]
        let errors = sample.sum("kes_log_error_events") ?? 0
        let others = [number("processors", "kes_system_num_cpu_used"), "errors in the log \(Quantity.count(errors))"]
        return MetricBlock(
            heading: "Process",
            rows: [
                .text(memory.compactMap { $0 }.joined(separator: "   ")),
                .text(others.compactMap { $0 }.joined(separator: "   "), errors > 0 ? .bad : .plain),
            ])
    }

    /// The APIs that are called most.
    private func apis(_ sample: MetricSample, rows count: Int) -> MetricBlock {
        let name = "keswick_api_requests_total"
        let called = sample.values(of: "api", in: name).map { api in
            (api: api, total: sample.sum(name, where: ("api", api)) ?? 0, rate: rate { $0.sum(name, where: ("api", api)) ?? 0 })
        }
        let rows = called.sorted { ($0.rate, $0.total, $1.api) > ($1.rate, $1.total, $0.api) }.prefix(max(min(count, 12), 0))
        return MetricBlock(
            heading: "APIs", columns: ["requests", "a second"],
            rows: rows.map { .cells($0.api, [Quantity.count($0.total), Quantity.rate($0.rate)], .plain) })
    }

    // MARK: - Figures

    private static func requests(_ sample: MetricSample) -> Double {
        ["kes_http_request_success", "kes_http_request_error", "kes_http_request_failure"].reduce(0) {
            $0 + (sample.sum($1) ?? 0)
        }
    }

    /// By how much a figure grew in a second, between the last two looks. A server that was restarted begins at zero.
    private func rate(_ figure: (MetricSample) -> Double) -> Double {
        guard let last, let before else { return 0 }
        let (seconds, attoseconds) = (last.at - before.at).components
        return max(0, figure(last.sample) - figure(before.sample)) / max(Double(seconds) + Double(attoseconds) / 1e18, 0.001)
    }
}
