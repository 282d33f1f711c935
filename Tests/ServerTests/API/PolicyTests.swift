import Glibc
import KESClient
import TestSupport
import Testing

/// Policies over the API: those of the configuration, and those that requests make.
@Suite struct PolicyTests {
    private let deployment: Deployment
    private let server: ServerProcess

    init() throws {
        deployment = try Deployment()
        try deployment.configure(
            keystore: "mem: {}", allow: ["/v1/key/create/app-*", "/v1/status"], deny: ["/v1/key/create/app-internal*"])
        server = try ServerProcess(deployment)
    }

    private func call(_ method: String, _ path: String, _ body: String? = nil, as client: Deployment.Client, _ flag: String)
        throws
        -> (Int, String)
    {
        let result = try server.curl(path, as: client, [flag, "-X", method] + (body.map { ["--data-binary", $0] } ?? []))
        return (result.status, result.body)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func thoseOfTheConfigurationCanBeReadAndNotChanged(flag: String) throws {
        let admin = deployment.admin
        let (status, text) = try call("GET", "/v1/policy/read/user", as: admin, flag)
        #expect(status == 200)
        let time = try #require(member("created_at", of: text))
        let origin = "\"created_at\":\"\(time)\",\"created_by\":\"\(admin.identity)\""
        let rules = #""allow":{"/v1/key/create/app-*":{},"/v1/status":{}},"deny":{"/v1/key/create/app-internal*":{}}"#
        #expect(text == #"{"name":"user",\#(rules),\#(origin)}"#)
        #expect(try call("GET", "/v1/policy/describe/user", as: admin, flag) == (200, #"{"name":"user",\#(origin)}"#))
        #expect(try call("GET", "/v1/policy/list/*", as: admin, flag) == (200, #"{"names":["user"],"continue_at":""}"#))
        #expect(try call("GET", "/v1/policy/list/x", as: admin, flag) == (200, #"{"names":[],"continue_at":""}"#))
        #expect(
            try call("PUT", "/v1/policy/write/user", "{}", as: admin, flag) == (400, #"{"message":"policy already exists"}"#))
        let (kept, message) = try call("DELETE", "/v1/policy/delete/user", as: admin, flag)
        #expect(kept == 400)
        #expect(message.contains("part of the server's configuration"))
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func aRequestMakesAssignsReplacesAndDeletesOne(flag: String) throws {
        let (admin, stranger) = (deployment.admin, deployment.stranger)
        let assignment = #"{"identity":"\#(stranger.identity)"}"#
        #expect(try call("GET", "/v1/status", as: stranger, flag).0 == 403)
        let body = #"{"allow":{"/v1/status":{}},"deny":["/v1/ready"]}"#
        #expect(try call("PUT", "/v1/policy/write/guest", body, as: admin, flag) == (200, ""))
        #expect(try call("POST", "/v1/policy/assign/guest", assignment, as: admin, flag) == (200, ""))
        #expect(try call("GET", "/v1/status", as: stranger, flag).0 == 200)
        let text = try call("GET", "/v1/policy/read/guest", as: admin, flag).1
        #expect(text.hasPrefix(#"{"name":"guest","allow":{"/v1/status":{}},"deny":{"/v1/ready":{}},"created_at":"#))
        #expect(try call("GET", "/v1/policy/list/", as: admin, flag).1 == #"{"names":["guest","user"],"continue_at":""}"#)
        // Replaced, and its identities stay.
        #expect(try call("PUT", "/v1/policy/write/guest", #"{"allow":["/v1/ready"]}"#, as: admin, flag).0 == 200)
        #expect(try call("GET", "/v1/status", as: stranger, flag).0 == 403)
        #expect(try call("GET", "/v1/ready", as: stranger, flag).0 == 200)
        // Taken from it, and given to another.
        #expect(try call("PUT", "/v1/policy/assign/user", assignment, as: admin, flag).0 == 200)
        #expect(try call("GET", "/v1/ready", as: stranger, flag).0 == 403)
        #expect(try call("GET", "/v1/status", as: stranger, flag).0 == 200)
        #expect(try call("PUT", "/v1/policy/assign/guest", assignment, as: admin, flag).0 == 200)
        // Deleted, and its identities have none.
        #expect(try call("DELETE", "/v1/policy/delete/guest", as: admin, flag) == (200, ""))
        #expect(try call("GET", "/v1/ready", as: stranger, flag).0 == 403)
        let missing = (404, #"{"message":"policy does not exist"}"#)
        #expect(try call("GET", "/v1/policy/read/guest", as: admin, flag) == missing)
        #expect(try call("GET", "/v1/policy/describe/guest", as: admin, flag) == missing)
        #expect(try call("DELETE", "/v1/policy/delete/guest", as: admin, flag) == missing)
        #expect(try call("PUT", "/v1/policy/assign/guest", assignment, as: admin, flag) == missing)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func whatCannotBeUnderstoodIsRefused(flag: String) throws {
        let admin = deployment.admin
        let bad = (400, #"{"message":"invalid request body"}"#)
        for body in ["", "{", "[]", #"{"allow":"/v1/status"}"#, #"{"allow":[1]}"#, #"{"deny":{"a":}}"#] {
            #expect(try call("PUT", "/v1/policy/write/p", body, as: admin, flag) == bad, "\(body)")
        }
        #expect(try call("PUT", "/v1/policy/assign/user", "{}x", as: admin, flag) == bad)
        let name = (400, #"{"message":"policy name '-p' is empty, too long or contains invalid characters"}"#)
        #expect(try call("GET", "/v1/policy/read/-p", as: admin, flag) == name)
        #expect(try call("PUT", "/v1/policy/write/-p", "{}", as: admin, flag) == name)
        #expect(
            try call("GET", "/v1/policy/list/a*b", as: admin, flag)
                == (400, #"{"message":"listing pattern 'a*b' is empty, too long or is invalid"}"#))
        #expect(
            try call("PUT", "/v1/policy/assign/user", "{}", as: admin, flag)
                == (400, #"{"message":"identity '' is empty, too long or contains invalid characters"}"#))
        for identity in ["\(admin.identity)", "not-a-digest"] {
            #expect(try call("PUT", "/v1/policy/assign/user", #"{"identity":"\#(identity)"}"#, as: admin, flag).0 == 400)
        }
        let large = #"{"identity":"\#(String(repeating: "a", count: 1024))"}"#
        #expect(try call("PUT", "/v1/policy/assign/user", large, as: admin, flag).0 == 413)
        // Members that are not known are ignored, and null is nothing.
        #expect(try call("PUT", "/v1/policy/write/p", #"{"x":[1],"allow":null}"#, as: admin, flag).0 == 200)
        #expect(try call("GET", "/v1/policy/read/p", as: admin, flag).1.hasPrefix(#"{"name":"p","created_at":"#))
    }

    /// As in Go, where a second object goes into the map of the first.
    @Test func ofTwoMembersOfOneNameNoRuleIsLost() throws {
        let admin = deployment.admin
        let rules = #"{"deny":{"/v1/status":{}},"allow":{"/v1/*":{}},"deny":["/v1/metrics"],"DENY":null}"#
        #expect(try call("PUT", "/v1/policy/write/twice", rules, as: admin, "--http2").0 == 200)
        let text = try call("GET", "/v1/policy/read/twice", as: admin, "--http2").1
        #expect(text.contains(#""allow":{"/v1/*":{}},"deny":{"/v1/status":{},"/v1/metrics":{}}"#), "\(text)")
    }

    @Test func theClientLibraryDoesAllOfIt() async throws {
        let stranger = deployment.stranger
        try await server.withClient(deployment.admin) { client in
            try await client.writePolicy("guest", allow: ["/v1/status", "/v1/key/list/*"], deny: ["/v1/key/list/x*"])
            try await client.assignPolicy("guest", to: "\(stranger.identity)")
            let policy = try await client.readPolicy("guest")
            #expect(policy.name == "guest")
            #expect(policy.allow == ["/v1/key/list/*", "/v1/status"])
            #expect(policy.deny == ["/v1/key/list/x*"])
            let description = try await client.describePolicy("guest")
            #expect(description.createdBy == "\(deployment.admin.identity)")
            #expect(description.createdAt == policy.createdAt)
            #expect(try await client.policyPage("").names == ["guest", "user"])
            let own = try await server.withClient(stranger) { try await $0.describeSelf() }
            #expect(own.policy == policy)
            try await client.deletePolicy("guest")
            let gone = try await refusal { try await client.readPolicy("guest") }
            #expect(gone == Refusal(status: 404, message: "policy does not exist"))
        }
    }

    /// Connections are spread over the event loops, so that a loop that is behind would be met.
    @Test func aChangeIsInForceOnEveryEventLoopWhenItIsAnswered() async throws {
        let stranger = deployment.stranger
        try await server.withClient(deployment.admin) { admin in
            try await admin.writePolicy("guest", allow: [])
            try await admin.assignPolicy("guest", to: "\(stranger.identity)")
            for round in 0..<40 {
                let isAllowed = round.isMultiple(of: 2)
                try await admin.writePolicy("guest", allow: isAllowed ? ["/v1/ready"] : [])
                let url = "url=\(server.endpoint)/v1/ready\noutput=/dev/null\nhttp1.1\nheader=Connection: close\n"
                let statuses = try server.curlConfiguration(
                    [String](repeating: url, count: 4).joined(separator: "next\n"), as: stranger)
                #expect(statuses.allSatisfy { $0 == (isAllowed ? 200 : 403) } && !statuses.isEmpty, "round \(round): \(statuses)")
            }
        }
    }

    /// Requests that are under way on other event loops, many of them, when the right to change the rules is taken away.
    @Test func whoLosesTheRightToChangeRulesDoesNotTakeItBack() async throws {
        let stranger = deployment.stranger
        let body = #"{"identity":"\#(stranger.identity)"}"#
        let request = "PUT /v1/policy/assign/guest HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        let last = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        try await server.withClient(deployment.admin) { admin in
            try await admin.writePolicy("guest", allow: ["/v1/policy/assign/guest"])
            for round in 0..<8 {
                try await admin.assignPolicy("guest", to: "\(stranger.identity)")
                let connections = try (0..<4).map { _ in try RawTLSClient(port: server.port, as: stranger) }
                for connection in connections {
                    connection.send(Array((String(repeating: request, count: 400) + last).utf8))
                }
                // One of them has got so far that the others cannot be long.
                #expect(connections[0].read { !$0.isEmpty })
                try await admin.deleteIdentity("\(stranger.identity)")
                for connection in connections { _ = connection.readToEnd() }
                let gone = try await refusal { try await admin.describeIdentity("\(stranger.identity)") }
                #expect(gone == Refusal(status: 404, message: "identity does not exist"), "round \(round)")
            }
        }
    }

    @Test func listingsOfManyGiveEveryNameOnce() async throws {
        let names = (0..<1500).map { "app-\($0)" }
        try await server.withClient(deployment.admin) { client in
            for name in names { try await client.writePolicy(name, allow: []) }
            var listed: [String] = []
            for try await name in client.listPolicies(prefix: "app-") { listed.append(name) }
            #expect(listed == names.sorted())
            let page = try await client.policyPage("app-")
            #expect(page.names.count == 1000)
            #expect(page.continueAt?.hasPrefix("app-@") == true)
        }
    }

    @Test func aReloadDropsWhatRequestsHaveMade() throws {
        let (admin, stranger, user) = (deployment.admin, deployment.stranger, deployment.user)
        #expect(try call("PUT", "/v1/policy/write/guest", #"{"allow":["/v1/*"]}"#, as: admin, "--http2").0 == 200)
        for client in [stranger, user] {
            let body = #"{"identity":"\#(client.identity)"}"#
            #expect(try call("PUT", "/v1/policy/assign/guest", body, as: admin, "--http2").0 == 200)
        }
        #expect(try call("GET", "/v1/ready", as: stranger, "--http2").0 == 200)
        #expect(try call("GET", "/v1/ready", as: user, "--http2").0 == 200)
        server.process.signal(SIGHUP)
        try server.errorLine(containing: "the configuration was reloaded")
        #expect(try call("GET", "/v1/ready", as: stranger, "--http2").0 == 403)
        #expect(try call("GET", "/v1/ready", as: user, "--http2").0 == 403)
        #expect(try call("GET", "/v1/status", as: user, "--http2").0 == 200)
        #expect(try call("GET", "/v1/policy/read/guest", as: admin, "--http2").0 == 404)
    }

    @Test func whoMayCallTheRouteMayNotGainMoreByADetour() throws {
        // The user has no pattern for policies: neither plainly nor in disguise.
        for path in ["/v1/policy/write/guest", "/v1/policy/assign/user", "/v1/policy/%77rite/guest"] {
            #expect(try call("PUT", path, "{}", as: deployment.user, "--http1.1").0 == 403, "\(path)")
        }
    }
}
