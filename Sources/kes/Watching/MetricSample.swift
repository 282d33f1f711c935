import KESClient

/// The metrics of a server at one moment: one answer in the text format of Prometheus, version 0.0.4.
struct MetricSample {
    /// One line of the answer.
    private struct Series {
        let labels: [Substring: Substring]
        let value: Double
    }

    private static let greatest = 1e15

    /// By the metric's name, in the order of the answer.
    private let series: [String: [Series]]

    init(_ text: String) {
        var series: [String: [Series]] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            // The name and the labels end at the last space but for a timestamp, which KES servers do not write.
            // Sums of what is no figure, or beyond all that is counted, would be none that can be shown.
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]),
                abs(value) <= Self.greatest
            else { continue }
            let head = line[..<space]
            let name = head.prefix { $0 != "{" }
            series[String(name), default: []].append(Series(labels: Self.labels(head.dropFirst(name.count)), value: value))
        }
        self.series = series
    }

    /// `{a="x",b="y"}`. KES servers write no values that need an escape.
    private static func labels(_ text: Substring) -> [Substring: Substring] {
        var labels: [Substring: Substring] = [:]
        for part in text.dropFirst().dropLast().split(separator: "\",") {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2 else { continue }
            labels[sides[0]] = sides[1].drop { $0 == "\"" }.prefix { $0 != "\"" }
        }
        return labels
    }

    /// The sum over all label sets of a metric, or over those with one label; nil when the server has none of that name.
    func sum(_ name: String, where label: (name: String, value: String)? = nil) -> Double? {
        guard let series = series[name] else { return nil }
        return series.reduce(0) { sum, one in
            if let label, one.labels[label.name[...]] != label.value[...] { return sum }
            return sum + one.value
        }
    }

    /// The values that a label of a metric has, in the order of the answer.
    func values(of label: String, in name: String) -> [String] {
        var values: [String] = []
        for series in series[name] ?? [] {
            if let value = series.labels[label[...]].map(String.init), !values.contains(value) { values.append(value) }
        }
        return values
    }

    /// A label of the only series of an info metric.
    func info(_ name: String, _ label: String) -> String? { values(of: label, in: name).first }

    /// How many observations of a histogram were at most each bound, in seconds, over all label sets or those with one label.
    func histogram(_ name: String, where label: (name: String, value: String)? = nil) -> LatencyDistribution {
        var counts: [Double: Double] = [:]
        for series in series["\(name)_bucket"] ?? [] {
            if let label, series.labels[label.name[...]] != label.value[...] { continue }
            guard let bound = series.labels["le"].flatMap({ Double($0) ?? ($0 == "+Inf" ? .infinity : nil) }), bound >= 0 else {
                continue
            }
            counts[bound, default: 0] += series.value
        }
        return LatencyDistribution(counts: counts)
    }

    /// One JSON object without a line end: each metric that every KES server has by its name, summed over its label sets.
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

/// How many of some times were at most so many seconds.
struct LatencyDistribution {
    /// By upper bound, cumulative.
    let counts: [Double: Double]

    var total: Double { counts.values.max() ?? 0 }

    /// What came since an earlier one.
    func since(_ earlier: LatencyDistribution) -> LatencyDistribution {
        LatencyDistribution(counts: counts.merging(earlier.counts) { max(0, $0 - $1) })
    }

    /// The least bound, in seconds, that `fraction` of all stayed below; nil when there were none.
    func bound(_ fraction: Double) -> Double? {
        guard total > 0 else { return nil }
        return counts.sorted { $0.key < $1.key }.first { $0.value >= fraction * total }?.key
    }
}
