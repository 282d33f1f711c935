import Foundation
import KESClient
import TestSupport
import Testing

/// `GET /v1/metrics`, as Prometheus reads it.
@Suite struct MetricsTests {
    private let deployment: Deployment
    private let server: ServerProcess

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/status"])
        server = try ServerProcess(deployment)
    }

    private func scrape(_ flag: String = "--http2") throws -> PrometheusText {
        try PrometheusText(server.curl("/v1/metrics", as: deployment.admin, [flag]).body)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func theTextIsWellFormed(flag: String) throws {
        for path in ["/v1/status", "/v1/nothing", "/version", "/v1/key/describe/none"] {
            _ = try server.curl(path, as: deployment.admin, [flag])
        }
        let answer = try server.curl("/v1/metrics", as: deployment.admin, [flag, "-i"])
        #expect(answer.status == 200)
        #expect(answer.body.lowercased().contains("content-type: text/plain; version=0.0.4; charset=utf-8\r"))
        let families = try scrape(flag).families
        #expect(families.count > 25)
        #expect(try server.curl("/v1/metrics", as: deployment.user, [flag]).status == 403)
    }

    /// Dashboards and alerts for KES go by these.
    @Test func theNamesOfKESAreThereWithTheirTypes() throws {
        let families = Dictionary(uniqueKeysWithValues: try scrape().families.map { ($0.name, $0) })
        let kinds: KeyValuePairs = [
            "kes_http_request_success": "counter", "kes_http_request_error": "counter", "kes_http_request_failure": "counter",
            "kes_http_request_active": "gauge", "kes_http_response_time": "histogram", "kes_log_error_events": "counter",
            "kes_log_audit_events": "counter", "kes_system_up_time": "gauge", "kes_system_num_cpu": "gauge",
            "kes_system_num_cpu_used": "gauge", "kes_system_num_threads": "gauge", "kes_system_mem_heap_used": "gauge",
            "kes_system_mem_heap_objects": "gauge", "kes_system_mem_stack_used": "gauge",
        ]
        for (name, kind) in kinds {
            #expect(families[name]?.kind == kind, "\(name)")
            #expect(families[name]?.samples.isEmpty == false, "\(name)")
        }
        for name in ["success", "error", "failure"] {
            #expect(families["kes_http_request_\(name)"]?.samples.allSatisfy { Array($0.labels.keys) == ["code"] } == true)
        }
        let bounds = families["kes_http_response_time"]?.samples.compactMap { $0.labels["le"] }
        #expect(bounds == ["0.01", "0.05", "0.1", "0.25", "0.5", "1", "1.5", "3", "5", "10", "+Inf"])
        // A sanitizer has a heap of its own, of which the server knows nothing.
        for name in ["num_cpu", "num_cpu_used", "num_threads", "mem_stack_used"] + (isSanitized ? [] : ["mem_heap_used"]) {
            #expect(try #require(families["kes_system_\(name)"]?.samples.first).value > 0, "\(name)")
        }
    }

    @Test func everyRequestIsCountedOnceWhereItBelongs() throws {
        let (admin, user) = (deployment.admin, deployment.user)
        let before = try scrape()
        for flag in ["--http1.1", "--http2"] {
            for _ in 0..<3 { #expect(try server.curl("/version", as: admin, [flag]).status == 200) }
            #expect(try server.curl("/v1/ready", as: user, [flag]).status == 403)
            #expect(try server.curl("/v1/nothing", as: admin, [flag]).status == 404)
            #expect(try server.curl("/v1/key/describe/none", as: admin, [flag]).status == 404)
            #expect(try server.curl("/version", as: admin, [flag, "-X", "DELETE"]).status == 405)
            #expect(try server.curl("/v1/key/create/metric\(flag.suffix(1))", as: admin, [flag, "-X", "PUT"]).status == 200)
        }
        let after = try scrape()
        func growth(_ name: String, _ labels: [String: String] = [:]) -> Double {
            (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0)
        }
        // The first scrape was counted when it was answered, which was after it had read the figures.
        #expect(growth("kes_http_request_success", ["code": "200"]) == 9)
        #expect(growth("kes_http_request_error", ["code": "403"]) == 2)
        #expect(growth("kes_http_request_error", ["code": "404"]) == 4)
        #expect(growth("kes_http_request_error", ["code": "405"]) == 2)
        #expect(growth("kes_http_request_failure", ["code": "502"]) == 0)
        #expect(growth("kes_http_response_time_count") == 17)
        #expect(growth("kes_log_audit_events") == 17)
        #expect(growth("keswick_api_requests_total", ["api": "/version", "code": "200"]) == 6)
        #expect(growth("keswick_api_requests_total", ["api": "/version", "code": "405"]) == 2)
        #expect(growth("keswick_api_requests_total", ["api": "/v1/ready", "code": "403"]) == 2)
        #expect(growth("keswick_api_requests_total", ["api": "none", "code": "404"]) == 2)
        #expect(growth("keswick_api_latency_seconds_count", ["api": "/version"]) == 8)
        #expect(growth("keswick_keystore_calls_total", ["operation": "create"]) == 2)
        #expect(growth("keswick_keystore_calls_total", ["operation": "read"]) == 2)
        #expect(growth("keswick_cache_misses_total") == 2)
        #expect(growth("keswick_cache_keys") == 2)
        // A key that does not exist is an answer, not a failure of the keystore.
        #expect(after.families.first { $0.name == "keswick_keystore_errors_total" }?.samples.isEmpty == true)
        #expect(growth("keswick_tls_handshakes_total") == 17)
        #expect(after.value("kes_http_request_active") == 1)
        #expect(after.value("keswick_connections", ["protocol": "http2"]) == 1)
        #expect(after.value("keswick_api_latency_seconds_bucket", ["api": "/version", "le": "0.00005"]) != nil)
        let text = try server.curl("/v1/metrics", as: admin, ["--http1.1"]).body
        #expect(text.contains("keswick_keystore_plugin_info{name=\"mem\",version=\""))
    }

    @Test func handshakesThatFailAreCounted() throws {
        #expect(try server.curl("/version", as: nil).status == 0)
        #expect(try scrape().value("keswick_tls_handshake_failures_total") == 1)
    }

    @Test func theClientLibraryReadsThem() async throws {
        let text = try await server.withClient(deployment.admin) { try await $0.metrics() }
        #expect(try PrometheusText(text).value("kes_http_request_active") == 1)
    }

    @Test func everyQueryOfTheDashboardNamesMetricsThatTheServerHas() throws {
        let file = URL(fileURLWithPath: "\(Repository.root)/examples/grafana/keswick.json")
        let queries = Dashboard.queries(in: try JSONSerialization.jsonObject(with: Data(contentsOf: file)))
        #expect(queries.count > 30)
        let names = Set(try scrape().families.flatMap(\.queryNames))
        var used: Set<String> = []
        for query in queries {
            let metrics = Dashboard.metrics(in: query)
            #expect(!metrics.isEmpty, "\(query)")
            #expect(metrics.filter { !names.contains($0) } == [], "\(query)")
            used.formUnion(metrics)
        }
        // And it shows all that tell something: of the rest, one is a constant, and the others are in the histogram that is shown.
        #expect(
            names.subtracting(used) == [
                "kes_system_mem_heap_objects", "keswick_api_latency_seconds_count", "keswick_api_latency_seconds_sum",
            ])
    }
}

/// What a Grafana dashboard asks for.
private enum Dashboard {
    /// All queries of all panels and variables.
    static func queries(in json: Any) -> [String] {
        if let list = json as? [Any] { return list.flatMap(queries) }
        guard let object = json as? [String: Any] else { return [] }
        return object.flatMap { name, value in
            if name == "expr" || name == "definition", let query = value as? String { return [query] }
            return queries(in: value)
        }
    }

    /// The names of metrics in a query: what is left of it without strings, label matchers, label lists, ranges, functions and keywords.
    static func metrics(in query: String) -> Set<String> {
        var text = query
        for pattern in [
            #""[^"]*""#, #"\{[^}]*\}"#, #"\[[^\]]*\]"#, #"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"#,
        ] {
            text = text.replacingOccurrences(of: pattern, with: " ", options: .regularExpression)
        }
        // The second argument of Grafana's own function is a label.
        text = text.replacingOccurrences(of: #"label_values\((.*),[^,]*\)"#, with: "$1", options: .regularExpression)
        text = text.replacingOccurrences(of: #"[A-Za-z_:][A-Za-z0-9_:]*\s*\("#, with: " ", options: .regularExpression)
        let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":" || $0 == ".") }
        return Set(
            words.filter { !["and", "or", "unless", "bool", "offset"].contains($0) && Double($0) == nil }.map(String.init))
    }
}
