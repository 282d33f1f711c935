/// The metrics of a server for a person to watch.
enum MetricView {
    /// - Parameters:
    ///   - before: the sample before this one, `elapsed` ago, for rates.
    static func text(_ sample: MetricSample, since before: MetricSample?, elapsed: Duration?, _ output: Output) -> String {
        let total = sample.succeeded + sample.refused + sample.failed
        var rows: [(label: String, value: String)] = []
        if let before, let elapsed {
            let earlier = before.succeeded + before.refused + before.failed
            rows.append(("Requests per second", "\(rounded(max(0, total - earlier) / seconds(elapsed)))"))
        }
        rows += [
            ("Requests in flight", "\(rounded(sample.sum("kes_http_request_active") ?? 0))"),
            ("Succeeded", share(sample.succeeded, of: total, output.green)),
            ("Refused (4xx)", share(sample.refused, of: total, output.red)),
            ("Failed (5xx)", share(sample.failed, of: total, output.red)),
        ]
        for (label, fraction) in [("Half answered within", 0.5), ("99 % answered within", 0.99)] {
            guard let bound = sample.responseTime(fraction) else { continue }
            rows.append((label, bound.isFinite ? "\(bound) s" : "more than 10 s"))
        }
        if let uptime = sample.sum("kes_system_up_time"), uptime >= 0 { rows.append(("Uptime", "\(rounded(uptime)) s")) }
        if let heap = sample.sum("kes_system_mem_heap_used"), heap >= 0 {
            rows.append(("Heap", StatusCommand.size(UInt64(min(heap, 1e18)))))
        }
        if let threads = sample.sum("kes_system_num_threads") { rows.append(("Threads", "\(rounded(threads))")) }
        if let events = sample.sum("kes_log_error_events") { rows.append(("Errors logged", "\(rounded(events))")) }
        return output.table(rows)
    }

    private static func share(_ count: Double, of total: Double, _ style: (String) -> String) -> String {
        guard count > 0, total > 0 else { return "0" }
        return style("\(rounded(count))") + "  (\(rounded(100 * count / total)) %)"
    }

    private static func rounded(_ value: Double) -> Int64 {
        Int64(min(max(value.rounded(), -1e18), 1e18))
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return max(Double(seconds) + Double(attoseconds) / 1e18, 0.001)
    }
}
