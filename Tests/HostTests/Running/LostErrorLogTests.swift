import Glibc
import TestSupport
import Testing

@Suite struct LostErrorLogTests {
    @Test("Of an error log that cannot be written the metric tells, and the server goes on")
    func full() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", more: "keys: [ { name: one }, { name: two } ]")
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        defer { close(full) }
        let server = try RunningServer(deployment) { $0.standardError = full }
        // The thread that writes may be a moment behind.
        var lost = 0
        for _ in 0..<300 where lost < 2 {
            let metrics = try server.get("/v1/metrics").text.split(separator: "\n")
            let line = metrics.first { $0.hasPrefix(#"keswick_log_lost_events_total{log="error"} "#) }
            lost = Int(try #require(line?.split(separator: " ").last)) ?? 0
        }
        // One for each key that was made.
        #expect(lost >= 2)
    }
}
