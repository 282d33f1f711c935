import KESClient

/// The metrics that every KES server has, out of one answer in the text format of Prometheus, version 0.0.4.
struct MetricSample {
    /// The samples by series, label set included, as the server wrote it: `kes_http_request_success{code="200"}`.
    private let series: [String: Double]

    init(_ text: String) {
        var series: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            // The name and the labels end at the last space but for a timestamp, which KES servers do not write.
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
            series[String(line[..<space])] = value
        }
        self.series = series
    }

    /// The sum over all label sets of a metric; nil when the server has none of that name.
    func sum(_ name: String) -> Double? {
        let values = series.filter { $0.key == name || $0.key.hasPrefix("\(name){") }.values
        return values.isEmpty ? nil : values.reduce(0, +)
    }

    /// Requests that were answered with 2xx, 4xx and 5xx.
    var succeeded: Double { sum("kes_http_request_success") ?? 0 }
    var refused: Double { sum("kes_http_request_error") ?? 0 }
    var failed: Double { sum("kes_http_request_failure") ?? 0 }

    /// The least bucket bound, in seconds, that `fraction` of all answers stayed below; nil when there were none, infinite when it
    /// lies above the last bucket.
    func responseTime(_ fraction: Double) -> Double? {
        let prefix = "kes_http_response_time_bucket{le=\""
        let buckets = series.compactMap { key, count -> (bound: Double, count: Double)? in
            guard key.hasPrefix(prefix), let bound = Double(key.dropFirst(prefix.count).prefix { $0 != "\"" }) else { return nil }
            return (bound, count)
        }.sorted { $0.bound < $1.bound }
        guard let total = buckets.last?.count, total > 0 else { return nil }
        return buckets.first { $0.count >= fraction * total }?.bound
    }

    /// One JSON object without a line end: each metric by its name, summed over its label sets.
    var json: String {
        JSONText.object(Self.names.map { ($0, sum($0).map(Self.number)) })
    }

    private static let names = [
        "kes_http_request_success", "kes_http_request_error", "kes_http_request_failure", "kes_http_request_active",
        "kes_log_error_events", "kes_log_audit_events", "kes_system_up_time", "kes_system_num_cpu", "kes_system_num_cpu_used",
        "kes_system_num_threads", "kes_system_mem_heap_used", "kes_system_mem_heap_objects", "kes_system_mem_stack_used",
    ]

    private static func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { return "\(whole)" }
        return value.isFinite ? "\(value)" : "null"
    }
}
