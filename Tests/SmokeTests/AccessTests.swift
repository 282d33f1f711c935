import TestSupport
import Testing

/// Everyone who may call, over everything that a call can come by, on each keystore.
@Suite struct AccessTests {
    private static let denied = #"{"message":"not authorized: insufficient permissions"}"#

    @Test("The administrator creates, uses, lists and deletes keys", arguments: Store.allCases, HTTPVersion.allCases)
    func administrator(store: Store, version: HTTPVersion) throws {
        let site = try Site(store)
        let server = try site.start()
        func call(_ method: String, _ path: String, _ body: String? = nil) throws -> Reply {
            try server.call(method, path, body, as: site.deployment.admin, over: version)
        }

        #expect(try call("PUT", "/v1/key/create/app-1") == Reply(status: 200))
        #expect(try call("PUT", "/v1/key/create/app-1").status == 400)
        #expect(try call("PUT", "/v1/key/create/other").status == 200)
        #expect(try call("GET", "/v1/key/list/*").body == #"{"names":["app-1","other"]}"#)

        let dataKey = try call("PUT", "/v1/key/generate/app-1", #"{"context":"Y3R4"}"#)
        #expect(dataKey.status == 200)
        let ciphertext = try member("ciphertext", of: dataKey.body)
        let plaintext = try call("PUT", "/v1/key/decrypt/app-1", #"{"ciphertext":"\#(ciphertext)","context":"Y3R4"}"#)
        #expect(try plaintext == Reply(status: 200, body: #"{"plaintext":"\#(member("plaintext", of: dataKey.body))"}"#))
        #expect(try call("PUT", "/v1/key/decrypt/app-1", #"{"ciphertext":"\#(ciphertext)"}"#).status == 400)
        #expect(try call("PUT", "/v1/key/decrypt/other", #"{"ciphertext":"\#(ciphertext)","context":"Y3R4"}"#).status == 400)

        #expect(try call("DELETE", "/v1/key/delete/app-1").status == 200)
        #expect(try call("PUT", "/v1/key/generate/app-1", "{}").status == 404)
        #expect(try call("GET", "/v1/key/list/").body == #"{"names":["other"]}"#)
    }

    @Test("An identity with a policy may do what it allows and does not deny", arguments: Store.allCases, HTTPVersion.allCases)
    func policy(store: Store, version: HTTPVersion) throws {
        let site = try Site(store)
        let server = try site.start()
        func call(_ method: String, _ path: String, _ body: String? = nil) throws -> Reply {
            try server.call(method, path, body, as: site.deployment.user, over: version)
        }

        #expect(try call("PUT", "/v1/key/create/app-1").status == 200)
        #expect(try call("PUT", "/v1/key/create/app-internal").status == 200)
        let dataKey = try call("PUT", "/v1/key/generate/app-1", "{}")
        let ciphertext = try member("ciphertext", of: dataKey.body)
        #expect(try call("PUT", "/v1/key/decrypt/app-1", #"{"ciphertext":"\#(ciphertext)"}"#).status == 200)
        #expect(try call("GET", "/v1/key/list/app-").body == #"{"names":["app-1","app-internal"]}"#)

        // Denied by a pattern, though another allows it; then in no pattern at all; then by a detour.
        for (method, path) in [
            ("PUT", "/v1/key/generate/app-internal"), ("PUT", "/v1/key/create/other"), ("DELETE", "/v1/key/delete/app-1"),
            ("GET", "/v1/key/list/"), ("GET", "/v1/status"),
        ] {
            #expect(try call(method, path) == Reply(status: 403, body: Self.denied), "\(method) \(path)")
        }
        #expect(try call("PUT", "/v1/key/generate/app-%69nternal") == Reply(status: 403, body: Self.denied))
    }

    @Test("A stranger may do nothing, and nobody enters without a certificate", arguments: Store.allCases, HTTPVersion.allCases)
    func stranger(store: Store, version: HTTPVersion) throws {
        let site = try Site(store)
        let server = try site.start()
        for (method, path) in [
            ("PUT", "/v1/key/create/app-1"), ("GET", "/v1/key/list/"), ("DELETE", "/v1/key/delete/app-1"), ("GET", "/v1/ready"),
        ] {
            let reply = try server.call(method, path, as: site.deployment.stranger, over: version)
            #expect(reply == Reply(status: 403, body: Self.denied), "\(method) \(path)")
        }
        #expect(try server.call("GET", "/version", as: site.deployment.stranger, over: version).status == 200)
        #expect(try server.call("GET", "/version", as: nil, over: version).status == 0)
        #expect(try server.call("GET", "/v1/key/list/", as: site.deployment.admin, over: version).body == #"{"names":[]}"#)
    }

    @Test("The command line does for each of them what they may do", arguments: Store.allCases)
    func commandLine(store: Store) throws {
        let site = try Site(store)
        let (admin, user, stranger) = (site.deployment.admin, site.deployment.user, site.deployment.stranger)
        let server = try site.start()

        #expect(try server.kes(["key", "create", "app-1", "app-internal"], as: user).code == 0)
        let dataKey = try server.kes(["key", "dek", "app-1"], as: user)
        #expect(dataKey.code == 0)
        let decrypted = try server.kes(["key", "decrypt", "app-1", member("ciphertext", of: dataKey.text)], as: user)
        #expect(try decrypted.text == #"{"plaintext":"\#(member("plaintext", of: dataKey.text))"}"#)
        #expect(try server.kes(["key", "ls", "--json"], as: admin).text == "[\"app-1\",\"app-internal\"]\n")

        for refused in [
            try server.kes(["key", "dek", "app-internal"], as: user), try server.kes(["key", "rm", "app-1"], as: user),
            try server.kes(["key", "ls"], as: stranger), try server.kes(["key", "create", "app-2"], as: stranger),
        ] {
            #expect(refused.code == 1)
            #expect(refused.text == "")
            #expect(refused.errorText.contains("not authorized: insufficient permissions"))
        }

        #expect(try server.kes(["key", "rm", "app-1"], as: admin).code == 0)
        #expect(try server.kes(["key", "ls", "--json"], as: admin).text == "[\"app-internal\"]\n")
    }
}
