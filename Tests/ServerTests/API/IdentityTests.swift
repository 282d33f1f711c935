import Glibc
import KESClient
import TestSupport
import Testing

/// Identities over the API.
@Suite struct IdentityTests {
    private let deployment: Deployment
    private let server: ServerProcess

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/status"])
        server = try ServerProcess(deployment)
    }

    private func get(_ path: String, as client: Deployment.Client, _ flag: String) throws -> (Int, String) {
        let result = try server.curl(path, as: client, [flag])
        return (result.status, result.body)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func theAdministratorIsDescribed(flag: String) throws {
        let admin = deployment.admin
        let (status, text) = try get("/v1/identity/describe/\(admin.identity)", as: admin, flag)
        #expect(status == 200)
        let time = try #require(member("created_at", of: text))
        #expect(text == #"{"admin":true,"created_at":"\#(time)"}"#)
        #expect(
            try get("/v1/identity/self/describe", as: admin, flag)
                == (200, #"{"identity":"\#(admin.identity)","admin":true,"created_at":"\#(time)"}"#))
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func anIdentityWithAPolicyIsDescribedToOthersAndToItself(flag: String) throws {
        let (admin, user) = (deployment.admin, deployment.user)
        let (status, text) = try get("/v1/identity/describe/\(user.identity)", as: admin, flag)
        #expect(status == 200)
        let time = try #require(member("created_at", of: text))
        let origin = #""created_at":"\#(time)","created_by":"\#(admin.identity)""#
        #expect(text == #"{"policy":"user",\#(origin)}"#)
        // Its policy allows no path of this route: it needs none.
        let policy = #"{"name":"user","allow":{"/v1/status":{}},\#(origin)}"#
        #expect(
            try get("/v1/identity/self/describe", as: user, flag)
                == (200, #"{"identity":"\#(user.identity)",\#(origin),"policy":\#(policy)}"#))
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func aStrangerIsNobody(flag: String) throws {
        let missing = (404, #"{"message":"identity does not exist"}"#)
        let (admin, stranger) = (deployment.admin, deployment.stranger)
        #expect(try get("/v1/identity/describe/\(stranger.identity)", as: admin, flag) == missing)
        #expect(try get("/v1/identity/describe/some-name", as: admin, flag) == missing)
        #expect(try get("/v1/identity/self/describe", as: stranger, flag) == missing)
        #expect(
            try get("/v1/identity/describe/a.b", as: admin, flag)
                == (400, #"{"message":"identity 'a.b' is empty, too long or contains invalid characters"}"#))
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func identitiesAreListedTheAdministratorIncluded(flag: String) throws {
        let (admin, user) = (deployment.admin, deployment.user)
        let names = ["\(admin.identity)", "\(user.identity)"].sorted().map { "\"\($0)\"" }.joined(separator: ",")
        for pattern in ["", "*"] {
            #expect(
                try get("/v1/identity/list/\(pattern)", as: admin, flag)
                    == (200, #"{"identities":[\#(names)],"continue_at":""}"#))
        }
        let prefix = "\(user.identity)".prefix(20)
        #expect(
            try get("/v1/identity/list/\(prefix)*", as: admin, flag)
                == (200, #"{"identities":["\#(user.identity)"],"continue_at":""}"#))
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func anIdentityIsTakenFromItsPolicyUntilTheNextReload(flag: String) throws {
        let (admin, user) = (deployment.admin, deployment.user)
        func delete(_ identity: String) throws -> (Int, String) {
            let result = try server.curl("/v1/identity/delete/\(identity)", as: admin, [flag, "-X", "DELETE"])
            return (result.status, result.body)
        }
        #expect(try get("/v1/status", as: user, flag).0 == 200)
        #expect(try delete("\(user.identity)") == (200, ""))
        #expect(try get("/v1/status", as: user, flag) == (403, #"{"message":"not authorized: insufficient permissions"}"#))
        #expect(try delete("\(user.identity)") == (404, #"{"message":"identity does not exist"}"#))
        #expect(try delete("\(admin.identity)").0 == 400)
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "the configuration was reloaded")
        #expect(try get("/v1/status", as: user, flag).0 == 200)
    }

    @Test func theClientLibraryDoesAllOfIt() async throws {
        let (admin, user, stranger) = (deployment.admin, deployment.user, deployment.stranger)
        try await server.withClient(admin) { client in
            let administrator = try await client.describeIdentity("\(admin.identity)")
            #expect(administrator.isAdmin && administrator.policy == nil)
            let described = try await client.describeIdentity("\(user.identity)")
            #expect(described.policy == "user" && !described.isAdmin)
            #expect(described.createdBy == "\(admin.identity)")
            var identities: [String] = []
            for try await identity in client.listIdentities() { identities.append(identity) }
            #expect(identities == ["\(admin.identity)", "\(user.identity)"].sorted())
            let own = try await server.withClient(user) { try await $0.describeSelf() }
            #expect(own.identity == "\(user.identity)")
            #expect(own.policy?.allow == ["/v1/status"])
            try await client.deleteIdentity("\(user.identity)")
            let unknown = Refusal(status: 404, message: "identity does not exist")
            #expect(try await refusal { try await client.describeIdentity("\(user.identity)") } == unknown)
            #expect(try await refusal { try await client.describeIdentity("\(stranger.identity)") } == unknown)
        }
    }
}
