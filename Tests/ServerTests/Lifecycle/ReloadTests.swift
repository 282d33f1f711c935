import Glibc
import TestSupport
import Testing

/// What a configuration changes in a running server.
@Suite struct ReloadTests {
    @Test func predefinedKeysAreThereAndSurviveAReload() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", more: "keys: [ { name: first } ]")
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        let made = try server.curl("/v1/key/describe/first", as: admin)
        #expect(made.status == 200)
        #expect(made.body.contains("\"created_by\":\"\(admin.identity)\""))
        try deployment.configure(keystore: "mem: {}", more: "keys: [ { name: first }, { name: second } ]")
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "the configuration was reloaded")
        #expect(try server.curl("/v1/key/describe/second", as: admin).status == 200)
        // The keystore's section did not change: it is the same keystore, and the same key.
        #expect(try server.curl("/v1/key/describe/first", as: admin).body == made.body)
    }

    @Test func aReloadBringsOtherPoliciesIntoForce() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/status"])
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/v1/status", as: deployment.user).status == 200)
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/ready"])
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "the configuration was reloaded")
        let refused = try server.curl("/v1/status", as: deployment.user)
        #expect(refused.status == 403)
        #expect(refused.body == #"{"message":"not authorized: insufficient permissions"}"#)
        #expect(try server.curl("/v1/ready", as: deployment.user).status == 200)
    }

    /// Heads that were accepted by the old rules, whose bodies come under the new ones.
    @Test func aRightThatIsTakenAwayAmidARequestIsNotUsed() throws {
        let deployment = try Deployment()
        let more = "keys: [ { name: first } ]"
        try deployment.configure(
            keystore: "mem: {}", allow: ["/v1/key/generate/first", "/v1/key/encrypt/first", "/v1/policy/write/*"], more: more)
        let server = try ServerProcess(deployment)
        func begin(_ path: String, length: Int) throws -> HTTP1Conversation {
            let conversation = try HTTP1Conversation(with: server, as: deployment.user)
            let head = "PUT \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\nExpect: 100-continue\r\n\r\n"
            #expect(try conversation.ask(head).status == 100)
            return conversation
        }
        let rule = #"{"allow":{"/v1/*":{}}}"#
        let message = #"{"plaintext":"aGVsbG8="}"#
        let lost = try begin("/v1/key/generate/first", length: 2)
        let change = try begin("/v1/policy/write/backdoor", length: rule.utf8.count)
        let kept = try begin("/v1/key/encrypt/first", length: message.utf8.count)

        try deployment.configure(keystore: "mem: {}", allow: ["/v1/key/encrypt/first"], more: more)
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "the configuration was reloaded")

        let refused = try lost.ask("{}")
        #expect(refused.status == 403)
        #expect(refused.body == #"{"message":"not authorized: insufficient permissions"}"#)
        #expect(try change.ask(rule).status == 403)
        #expect(try kept.ask(message).status == 200)
        #expect(try server.curl("/v1/policy/list/*", as: deployment.admin).body.contains("backdoor") == false)
    }

    /// Prometheus takes a counter that falls for one that began anew, and adds all of it once more.
    @Test func noCounterFallsWhenTheKeystoreChanges() throws {
        let deployment = try Deployment()
        let keystores = ["mem: {}", "fs: { path: \(deployment.directory.file("keys")) }"]
        let predefined = "keys: [ { name: first } ]"
        try deployment.configure(keystore: keystores[0], more: predefined)
        let server = try ServerProcess(deployment)
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        let use = "PUT /v1/key/generate/first HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        var counters: [String: Int] = [:]
        /// What has been counted, none of it less than before.
        func scrape() throws -> [String: Int] {
            let lines = try conversation.ask("GET /v1/metrics HTTP/1.1\r\nHost: x\r\n\r\n").body.split(separator: "\n")
            let names = ["keswick_cache_hits_total", "keswick_cache_misses_total", "keswick_reloads_total{result=\"success\"}"]
            for name in names {
                let line = try #require(lines.first { $0.hasPrefix("\(name) ") })
                let value = try #require(Int(line.dropFirst(name.count + 1)))
                #expect(value >= counters[name] ?? 0, "\(name)")
                counters[name] = value
            }
            return counters
        }
        for round in 1...30 {
            for _ in 0..<3 { #expect(try conversation.ask(use).status == 200) }
            try deployment.configure(keystore: keystores[round % 2], more: predefined)
            server.process.signal(SIGHUP)
            while try scrape()["keswick_reloads_total{result=\"success\"}"] != round {}
        }
        let uses = try scrape()
        #expect((uses["keswick_cache_hits_total"] ?? 0) + (uses["keswick_cache_misses_total"] ?? 0) >= 90)
        #expect(server.stop() == 0)
    }

    @Test func aFileThatIsNotValidChangesNothing() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/status"])
        let server = try ServerProcess(deployment)
        try deployment.configure(keystore: "mem: {}", allow: [], more: "polcy: {}")
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "was not reloaded")
        #expect(try server.curl("/v1/status", as: deployment.user).status == 200)
        #expect(server.stop() == 0)
    }
}
