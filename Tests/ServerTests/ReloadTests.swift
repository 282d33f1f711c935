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
