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
