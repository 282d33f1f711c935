import Glibc
import TestSupport
import Testing

/// A plugin whose `get` does not return. Through the whole server: TLS, API, keyring, bridge, plugin.
@Suite struct BlockedKeystoreTests {
    @Test func aCallThatNeverReturnsCostsItsCallerTheDeadlineAndNobodyElse() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        // In this keystore every get of a name that begins with `slow-` waits for a gate, which nobody opens here.
        try compileKeystore("gated", into: plugins)
        let deployment = try Deployment()
        try deployment.configure(
            keystore: "gated: {}",
            more: """
                plugins: { directory: \(plugins.path) }
                api: { /v1/key/describe/: { timeout: 3s } }
                # Every request has to ask the keystore.
                cache: { expiry: { any: 1ns, unused: 1ns } }
                """)
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        for name in ["slow-one", "slow-two"] + (0..<8).map({ "other-\($0)" }) {
            #expect(try server.curl("/v1/key/create/\(name)", as: admin, ["-X", "PUT"]).status == 200)
        }
        let blocked = try ["slow-one", "slow-two"].map { name in
            try Subprocess(
                "curl",
                [
                    "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", deployment.serverCertificate, "--cert",
                    admin.certificate,
                    "--key", admin.key, "\(server.endpoint)/v1/key/describe/\(name)",
                ])
        }
        for number in 0..<8 {
            for flag in ["--http1.1", "--http2"] {
                let answer = try server.curl("/v1/key/generate/other-\(number)", as: admin, [flag, "-X", "PUT", "-d", "{}"])
                #expect(answer.status == 200)
            }
        }
        for process in blocked {
            #expect(String(decoding: process.collect().output, as: UTF8.self) == "504")
            process.wait()
        }
        // The calls are still at the gate. Stopping does not wait for them for ever.
        #expect(server.stop(SIGTERM) == 0)
    }

    @Test(arguments: ["none", "process"])
    func aPluginThatGivesUpExactlyAtItsDeadlineIsHeard(_ isolation: String) throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore("punctual", extra: "isolation: \(isolation)\n", into: plugins)
        let deployment = try Deployment()
        try deployment.configure(
            keystore: "punctual: {}",
            more: """
                plugins: { directory: \(plugins.path) }
                api: { /v1/key/describe/: { timeout: 1s } }
                cache: { expiry: { any: 1ns, unused: 1ns } }
                """)
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        #expect(try server.curl("/v1/key/create/punctual-one", as: admin, ["-X", "PUT"]).status == 200)
        let answer = try server.curl("/v1/key/describe/punctual-one", as: admin)
        #expect(answer.status == 504)
        #expect(answer.body == #"{"message":"key store is not reachable"}"#)
        // No other line is about that call: it did not count as stuck.
        let line = try server.errorLine(containing: "punctual-one")
        #expect(line.contains("failed to read key 'punctual-one': timeout: gave up at the deadline"), "\(line)")
        #expect(try server.curl("/v1/key/describe/punctual-one", as: admin).status == 200)
        #expect(server.stop(SIGTERM) == 0)
    }
}
