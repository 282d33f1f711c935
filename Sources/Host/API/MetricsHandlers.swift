import NIOCore

/// The server's metrics, in the text format of Prometheus.
enum MetricsHandlers {
    static func metrics(_ request: Request, _ api: API) -> Outcome {
        let figures = api.workers.collect(on: request.eventLoop) { $0.figures }.assumeIsolated()
        return .pending(
            figures.map { loops in
                var sum = LoopFigures()
                for loop in loops { sum += loop }
                var writer = PrometheusWriter()
                writeRequests(sum, to: &writer)
                writeSystem(sum, api, to: &writer)
                writeRoutes(sum, api, to: &writer)
                writeConnections(sum, api, to: &writer)
                writeKeystore(api, to: &writer)
                return Response(status: 200, contentType: .prometheus, body: writer.buffer)
            }.nonisolated())
    }

    // MARK: - By the names that dashboards of KES know

    private static func writeRequests(_ figures: LoopFigures, to writer: inout PrometheusWriter) {
        let classes: [(name: String, codes: Range<Int>, help: String)] = [
            ("kes_http_request_success", 200..<300, "Requests that were answered with a 2xx status."),
            ("kes_http_request_error", 400..<500, "Requests that were answered with a 4xx status."),
            ("kes_http_request_failure", 500..<600, "Requests that were answered with a 5xx status."),
        ]
        var totals = [Int](repeating: 0, count: LoopFigures.statuses.count + 1)
        var latency = Histogram()
        for row in 0...LoopFigures.rowOfOthers {
            for (place, count) in figures.responses(row: row).enumerated() { totals[place] += count }
            latency += figures.latency(row: row)
        }
        for (name, codes, help) in classes {
            writer.family(name, .counter, help)
            for (place, status) in LoopFigures.statuses.enumerated() where codes.contains(status) {
                writer.sample(totals[place], ["code": "\(status)"])
            }
        }
        writer.single(
            "kes_http_request_active", .gauge, figures.activeRequests, "Requests that are not answered yet, this one included.")
        writer.family("kes_http_response_time", .histogram, "Seconds from a request's head to its answer.")
        writer.histogram(latency, bounds: { kesBounds.contains($0) })
    }

    /// The bounds of `kes_http_response_time` in nanoseconds.
    private static let kesBounds: Set<Int64> = [
        10_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 1_500_000_000, 3_000_000_000,
        5_000_000_000, 10_000_000_000,
    ]

    private static func writeSystem(_ figures: LoopFigures, _ api: API, to writer: inout PrometheusWriter) {
        let process = ProcessUsage.read()
        writer.single(
            "kes_log_error_events", .counter, api.figures.loggedErrors, "Events of the level ERROR in the error log.")
        writer.single("kes_log_audit_events", .counter, figures.auditEvents, "Audit events.")
        let uptime = (NIODeadline.now() - api.startInstant).nanoseconds / 1_000_000_000
        writer.single("kes_system_up_time", .gauge, uptime, "Seconds since the server started.")
        writer.single("kes_system_num_cpu", .gauge, process.processors, "Processors of the machine.")
        writer.single("kes_system_num_cpu_used", .gauge, process.usableProcessors, "Processors that the server may use.")
        writer.single("kes_system_num_threads", .gauge, process.threads, "Threads of the server.")
        writer.single("kes_system_mem_heap_used", .gauge, process.heapBytes, "Bytes that the allocator has handed out.")
        writer.single(
            "kes_system_mem_heap_objects", .gauge, 0, "Always 0: the allocator does not count objects. For existing dashboards.")
        writer.single("kes_system_mem_stack_used", .gauge, process.stackBytes, "Bytes of the main thread's stack.")
        writer.single(
            "keswick_process_resident_memory_bytes", .gauge, process.residentBytes, "Bytes of memory that the process occupies.")
        writer.family("keswick_build_info", .gauge, "The server's version, as labels; always 1.")
        writer.sample(1, ["version": Version.number, "commit": Version.commit])
    }

    // MARK: - Ours

    private static func writeRoutes(_ figures: LoopFigures, _ api: API, to writer: inout PrometheusWriter) {
        let paths = api.routes.routes.map(\.path) + ["none"]
        writer.family(
            "keswick_api_requests_total", .counter, "Requests by API and status; the API none is for paths that no API serves.")
        for (row, path) in paths.enumerated() {
            for (place, count) in figures.responses(row: row).enumerated() where count > 0 {
                let status = place < LoopFigures.statuses.count ? "\(LoopFigures.statuses[place])" : "other"
                writer.sample(count, ["api": path, "code": status])
            }
        }
        writer.family("keswick_api_latency_seconds", .histogram, "Seconds from a request's head to its answer, by API.")
        for (row, path) in paths.enumerated() {
            let latency = figures.latency(row: row)
            if latency.count > 0 { writer.histogram(latency, ["api": path]) }
        }
    }

    private static func writeConnections(_ figures: LoopFigures, _ api: API, to writer: inout PrometheusWriter) {
        writer.single("keswick_tls_handshakes_total", .counter, figures.handshakes, "TLS handshakes that succeeded.")
        writer.single("keswick_tls_handshake_failures_total", .counter, figures.failedHandshakes, "TLS handshakes that failed.")
        writer.single(
            "keswick_tls_certificate_expiry_seconds", .gauge, api.figures.certificateExpiry,
            "Until when the server's certificate is valid, in seconds since the epoch.")
        writer.family("keswick_connections", .gauge, "Open connections, by what is spoken on them.")
        for spoken in ConnectionProtocol.allCases {
            writer.sample(figures.connections[spoken] ?? 0, ["protocol": spoken.rawValue])
        }
        writer.family("keswick_log_followers", .gauge, "Clients that follow a log.")
        for log in LogKind.allCases { writer.sample(figures.followers[log] ?? 0, ["log": log.rawValue]) }
        writer.family("keswick_log_missed_events_total", .counter, "Events that clients which follow a log did not read in time.")
        for log in LogKind.allCases { writer.sample(figures.missedEvents[log] ?? 0, ["log": log.rawValue]) }
        let lost = api.figures.lostEvents
        writer.family(
            "keswick_log_lost_events_total", .counter, "Events that could not be written to standard output or standard error.")
        for log in LogKind.allCases { writer.sample(lost[log] ?? 0, ["log": log.rawValue]) }
    }

    private static func writeKeystore(_ api: API, to writer: inout PrometheusWriter) {
        let uses = api.figures.cacheUses
        writer.single("keswick_cache_keys", .gauge, api.keyring.statistics.keys, "Keys in the cache.")
        writer.single("keswick_cache_hits_total", .counter, uses.hits, "Uses of a key that was in the cache.")
        writer.single("keswick_cache_misses_total", .counter, uses.misses, "Uses of a key that was not in the cache.")
        let calls = api.figures.calls
        writer.family("keswick_keystore_calls_total", .counter, "Calls of the keystore.")
        for operation in KeystoreOperation.allCases {
            writer.sample(calls[operation]?.latency.count ?? 0, ["operation": operation.label])
        }
        writer.family("keswick_keystore_errors_total", .counter, "Calls of the keystore that failed, by how.")
        for operation in KeystoreOperation.allCases {
            for (kind, count) in (calls[operation]?.failures ?? [:]).sorted(by: { $0.key < $1.key }) {
                writer.sample(count, ["operation": operation.label, "kind": kind])
            }
        }
        writer.family("keswick_keystore_latency_seconds", .histogram, "Seconds that calls of the keystore took.")
        for operation in KeystoreOperation.allCases {
            if let latency = calls[operation]?.latency { writer.histogram(latency, ["operation": operation.label]) }
        }
        writer.family("keswick_keystore_plugin_info", .gauge, "The keystore plugin in use, as labels; always 1.")
        writer.sample(1, ["name": api.keyring.plugin.name, "version": api.keyring.plugin.version])
        let reloads = api.figures.reloads
        writer.family("keswick_reloads_total", .counter, "Reloads of the configuration, by result.")
        writer.sample(reloads.succeeded, ["result": "success"])
        writer.sample(reloads.failed, ["result": "failure"])
    }
}

extension KeystoreOperation {
    fileprivate var label: String {
        switch self {
        case .create: "create"
        case .read: "read"
        case .delete: "delete"
        case .list: "list"
        case .status: "status"
        }
    }
}
