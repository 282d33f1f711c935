import Glibc
import TestSupport
import Testing

/// A keystore that goes away and comes back. Through the whole server.
@Suite struct LostKeystoreTests {
    private static let unreachable = #"{"message":"key store is not reachable"}"#

    @Test func cachedKeysServeForAsLongAsConfiguredAndAllRecoversByItself() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        let switchFile = plugins.file("gone")
        try compileKeystore("leaving", definitions: ["GONE_FILE=\"\(switchFile)\""], into: plugins)
        let deployment = try Deployment()
        // Without the offline mode a key would not last a second.
        try deployment.configure(
            keystore: "leaving: {}",
            more: """
                plugins: { directory: \(plugins.path) }
                cache: { expiry: { any: 500ms, unused: 500ms, offline: 8s } }
                """)
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        func generate() throws -> Int {
            try server.curl("/v1/key/generate/kept", as: admin, ["-X", "PUT", "-d", "{}"]).status
        }
        #expect(try server.curl("/v1/ready", as: admin).status == 200)
        // The key came into the cache between these two.
        let before = ContinuousClock.now
        #expect(try server.curl("/v1/key/create/kept", as: admin, ["-X", "PUT"]).status == 200)
        let after = ContinuousClock.now

        try plugins.write("", to: "gone")
        for flag in ["--http1.1", "--http2"] {
            let ready = try server.curl("/v1/ready", as: admin, [flag])
            #expect(ready.status == 504 && ready.body == Self.unreachable)
            let status = try server.curl("/v1/status", as: admin, [flag])
            #expect(status.status == 200)
            #expect(status.body.contains(#""keystore_unreachable":true"#) && !status.body.contains("keystore_latency"))
            let read = try server.curl("/v1/key/describe/other", as: admin, [flag])
            #expect(read.status == 504 && read.body == Self.unreachable)
        }
        try server.errorLine(containing: "the keystore is out of reach")
        var served = 0
        while true {
            let start = ContinuousClock.now
            let status = try generate()
            guard status == 200 else {
                // Refused: its time was over before the answer came.
                #expect(status == 504)
                #expect(ContinuousClock.now - before >= .seconds(8))
                break
            }
            // Served: it was asked for before the key's time was over.
            #expect(start - after <= .seconds(8))
            served += 1
        }
        #expect(served > 0)
        #expect(try generate() == 504)
        let metrics = try PrometheusText(server.curl("/v1/metrics", as: admin).body)
        #expect(
            try #require(metrics.value("keswick_keystore_errors_total", ["operation": "read", "kind": "unreachable"])) >= 3)

        unlink(switchFile)
        try server.errorLine(containing: "the keystore is in reach again")
        #expect(try generate() == 200)
        #expect(try server.curl("/v1/ready", as: admin).status == 200)
        #expect(try server.curl("/v1/status", as: admin).body.contains(#""keystore_latency":"#))
    }

    @Test func withoutOfflineModeTheServerSaysSoAtOnce() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore("leaving", definitions: ["GONE_FILE=\"\(plugins.file("gone"))\""], into: plugins)
        let deployment = try Deployment()
        try deployment.configure(
            keystore: "leaving: {}",
            more: "plugins: { directory: \(plugins.path) }\ncache: { expiry: { any: 1ns, unused: 1ns } }")
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        #expect(try server.curl("/v1/key/create/kept", as: admin, ["-X", "PUT"]).status == 200)
        try plugins.write("", to: "gone")
        for (method, path) in [
            ("PUT", "/v1/key/generate/kept"), ("PUT", "/v1/key/create/new"), ("GET", "/v1/key/list/"),
            ("DELETE", "/v1/key/delete/kept"),
        ] {
            let answer = try server.curl(path, as: admin, ["-X", method])
            #expect(answer.status == 504 && answer.body == Self.unreachable, "\(path)")
        }
        unlink(plugins.file("gone"))
        #expect(try server.curl("/v1/key/generate/kept", as: admin, ["-X", "PUT"]).status == 200)
    }

    /// It answers, with errors of its own: not the same as being out of reach.
    @Test func aKeystoreThatFailsIsTheServersFailureAndItsCauseIsForTheLog() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore(
            "failing", definitions: ["GONE_FILE=\"\(plugins.file("gone"))\"", "GONE_RESULT=KESWICK_INTERNAL"], into: plugins)
        let deployment = try Deployment()
        try deployment.configure(
            keystore: "failing: {}",
            more: "plugins: { directory: \(plugins.path) }\ncache: { expiry: { any: 1ns, unused: 1ns } }")
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        #expect(try server.curl("/v1/key/create/kept", as: admin, ["-X", "PUT"]).status == 200)
        #expect(try server.curl("/v1/ready", as: admin).status == 200)
        try plugins.write("", to: "gone")
        for (method, path, message) in [
            ("PUT", "/v1/key/create/new", "failed to create key"), ("PUT", "/v1/key/generate/kept", "failed to read key"),
            ("DELETE", "/v1/key/delete/kept", "failed to delete key"), ("GET", "/v1/key/list/", "failed to list keys"),
            ("GET", "/v1/ready", "key store is unavailable"),
        ] {
            let answer = try server.curl(path, as: admin, ["-X", method])
            #expect(answer.status == 502 && answer.body == #"{"message":"\#(message)"}"#, "\(path): \(answer)")
        }
        try server.errorLine(containing: "the backend is gone")
        unlink(plugins.file("gone"))
        #expect(try server.curl("/v1/ready", as: admin).status == 200)
        #expect(try server.curl("/v1/key/generate/kept", as: admin, ["-X", "PUT"]).status == 200)
    }
}
