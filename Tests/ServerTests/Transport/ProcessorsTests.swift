import Glibc
import TestSupport
import Testing

/// One event loop for each processor that the server may use.
@Suite struct ProcessorsTests {
    /// A processor that this process may use, by proc(5).
    private func processor() throws -> Int {
        let status = try run("cat", ["/proc/self/status"]).text
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
        return try #require(Int(line.dropFirst("Cpus_allowed_list:".count).drop { $0 == "\t" }.prefix { $0.isNumber }))
    }

    @Test func whoeverAllowsItOneGetsOneEventLoop() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let process = try Subprocess(
            "taskset", ["-c", "\(processor())", kesPath(), "server", "--config", deployment.configuration])
        _ = try ServerProcess.waitForBanner(of: process)
        let names = try run("sh", ["-c", "cat /proc/\(process.pid)/task/*/comm"]).text.split(separator: "\n")
        #expect(names.count { $0.hasPrefix("NIO-ELT") } == 1, "\(names)")
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
    }
}
