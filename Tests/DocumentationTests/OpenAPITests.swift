import Foundation
import Glibc
import TestSupport
import Testing

/// `docs/openapi.yaml`, held against a running server.
@Suite struct OpenAPITests {
    private let server: ServerProcess
    private let schema: Schema
    private let paths: [String: [String: Any]]

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/key/create/*"])
        server = try ServerProcess(deployment)
        let document = try #require(try YAMLValue.load(Page("docs/openapi.yaml").text) as? [String: Any])
        schema = Schema(document: document)
        paths = try #require(document["paths"] as? [String: [String: Any]])
    }

    /// One request, and the operation that it is an example of.
    private struct Call {
        let method: String
        /// As in the document: `/v1/key/create/{name}`.
        let template: String
        /// What stands for the name.
        var argument = ""
        var body: String?
        let status: Int
        var isStranger = false

        var path: String { template.replacing(/\{[a-z]+\}/, with: argument) }
    }

    /// One for each answer that the document describes and a server can be brought to.
    private func calls(_ ciphertext: String) -> [Call] {
        let (admin, stranger) = (server.deployment.admin.identity.description, server.deployment.stranger.identity.description)
        func get(_ template: String, _ argument: String = "", _ status: Int = 200, isStranger: Bool = false) -> Call {
            Call(method: "GET", template: template, argument: argument, status: status, isStranger: isStranger)
        }
        func put(_ template: String, _ argument: String, _ body: String? = nil, _ status: Int = 200) -> Call {
            Call(method: "PUT", template: template, argument: argument, body: body, status: status)
        }
        func delete(_ template: String, _ argument: String, _ status: Int = 200) -> Call {
            Call(method: "DELETE", template: template, argument: argument, status: status)
        }
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        return [
            get("/version"), get("/v1/ready"), get("/v1/status"), get("/v1/metrics"), get("/v1/api"),
            get("/v1/status", "", 403, isStranger: true),
            put("/v1/key/create/{name}", "new"), put("/v1/key/create/{name}", "new", nil, 400),
            put("/v1/key/create/{name}", "a.b", nil, 400),
            put("/v1/key/import/{name}", "imported", #"{"key":"\#(key)","cipher":"AES256"}"#),
            put("/v1/key/import/{name}", "other", #"{"key":"\#(key)","cipher":"DES"}"#, 406),
            put("/v1/key/import/{name}", "other", "[", 400),
            get("/v1/key/describe/{name}", "k"), get("/v1/key/describe/{name}", "none", 404),
            get("/v1/key/list/{pattern}", "*"), get("/v1/key/list/{pattern}"), get("/v1/key/list/{pattern}", "a.b", 400),
            delete("/v1/key/delete/{name}", "new"), delete("/v1/key/delete/{name}", "new", 404),
            put("/v1/key/generate/{name}", "k"), put("/v1/key/generate/{name}", "k", #"{"context":"Y29udGV4dA=="}"#),
            put("/v1/key/generate/{name}", "none", nil, 404),
            put("/v1/key/encrypt/{name}", "k", #"{"plaintext":"aGVsbG8="}"#), put("/v1/key/encrypt/{name}", "k", "x", 400),
            put("/v1/key/encrypt/{name}", "none", #"{"plaintext":"aGVsbG8="}"#, 404),
            put("/v1/key/encrypt/{name}", "k", "{\"plaintext\":\"" + String(repeating: "A", count: 1 << 20) + "\"}", 413),
            put("/v1/key/decrypt/{name}", "k", #"{"ciphertext":"\#(ciphertext)"}"#),
            put("/v1/key/decrypt/{name}", "k", #"{"ciphertext":"aGVsbG8="}"#, 400),
            put("/v1/key/decrypt/{name}", "none", #"{"ciphertext":"\#(ciphertext)"}"#, 404),
            put("/v1/key/bulk/decrypt/{name}", "k", #"[{"ciphertext":"\#(ciphertext)"},{"ciphertext":"\#(ciphertext)"}]"#),
            put("/v1/key/bulk/decrypt/{name}", "k", #"[{"ciphertext":"aGVsbG8="}]"#, 400),
            put("/v1/key/hmac/{name}", "k", #"{"message":"aGVsbG8="}"#),
            put("/v1/policy/write/{name}", "p", #"{"allow":{"/v1/status":{}},"deny":["/v1/key/*"]}"#),
            put("/v1/policy/write/{name}", "user", #"{"allow":{}}"#, 400),
            put("/v1/policy/assign/{name}", "p", #"{"identity":"\#(stranger)"}"#),
            put("/v1/policy/assign/{name}", "p", #"{"identity":"\#(admin)"}"#, 400),
            put("/v1/policy/assign/{name}", "none", #"{"identity":"\#(stranger)"}"#, 404),
            get("/v1/policy/describe/{name}", "p"), get("/v1/policy/describe/{name}", "none", 404),
            get("/v1/policy/read/{name}", "p"), get("/v1/policy/read/{name}", "user"), get("/v1/policy/read/{name}", "none", 404),
            get("/v1/policy/list/{pattern}", "*"), get("/v1/policy/list/{pattern}", "a.b", 400),
            get("/v1/identity/describe/{identity}", admin), get("/v1/identity/describe/{identity}", stranger),
            get("/v1/identity/describe/{identity}", String(repeating: "0", count: 64), 404),
            get("/v1/identity/self/describe"), get("/v1/identity/self/describe", "", 200, isStranger: true),
            get("/v1/identity/list/{pattern}", "*"), get("/v1/identity/list/{pattern}", "a.b", 400),
            delete("/v1/identity/delete/{identity}", stranger), delete("/v1/identity/delete/{identity}", stranger, 404),
            get("/v1/identity/self/describe", "", 404, isStranger: true),
            delete("/v1/policy/delete/{name}", "p"), delete("/v1/policy/delete/{name}", "p", 404),
        ]
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func theServersAnswersAreAsTheDocumentSays(flag: String) throws {
        _ = try server.kes(["key", "create", "k"], as: server.deployment.admin)
        let ciphertext = try #require(
            try server.kes(["key", "encrypt", "k", "hello"], as: server.deployment.admin).text.firstMatch(of: /:"([^"]+)"/)
        ).output.1
        var shown: Set<String> = []
        for call in calls(String(ciphertext)) {
            shown.insert("\(call.method) \(call.template) \(call.status)")
            try check(call, on: server, flag)
        }
        // Every operation was called with success, and every error that is described for it shown: those that take a broken keystore, an
        // old key or an answer without an end by the tests that follow.
        let elsewhere = /(ready (502|504)|hmac\/\{name\} 409|\/v1\/log\/.*)/
        for (path, operations) in paths {
            for (method, operation) in operations where method != "parameters" {
                let responses = (operation as? [String: Any])?["responses"] as? [String: Any] ?? [:]
                for status in responses.keys where status != "default" {
                    let name = "\(method.uppercased()) \(path) \(status)"
                    #expect(shown.contains(name) || name.contains(elsewhere), "\(name) is not shown")
                }
            }
        }
    }

    /// What the document calls required is enough: a client that is made from it works.
    @Test func aRequestWithItsRequiredMembersOnlyIsTaken() throws {
        _ = try server.kes(["key", "create", "k"], as: server.deployment.admin)
        let ciphertext = try #require(
            try server.kes(["key", "encrypt", "k", "hello"], as: server.deployment.admin).text.firstMatch(of: /:"([^"]+)"/)
        ).output.1
        let values: [String: String] = [
            "key": #""AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=""#, "cipher": #""AES256""#, "plaintext": #""aGVsbG8=""#,
            "ciphertext": "\"\(ciphertext)\"", "message": #""aGVsbG8=""#,
            "identity": "\"\(server.deployment.stranger.identity)\"",
        ]
        var count = 0
        for (path, operations) in paths.sorted(by: { $0.key < $1.key }) {
            guard let put = operations["put"] as? [String: Any], let body = put["requestBody"] as? [String: Any],
                let content = body["content"] as? [String: Any], let json = content["application/json"] as? [String: Any],
                let reference = (json["schema"] as? [String: Any])?["$ref"] as? String,
                let schema = schema.resolve(reference)
            else { continue }
            let required = schema["required"] as? [String] ?? []
            let members = try required.map { "\"\($0)\":\(try #require(values[$0], "\($0)"))" }
            let name = path.contains("import") ? "new" : path.contains("policy") ? "p" : "k"
            if path.contains("assign") {
                let call = Call(method: "PUT", template: "/v1/policy/write/{name}", argument: name, body: "{}", status: 200)
                try check(call, on: server, "--http2")
            }
            try check(
                Call(method: "PUT", template: path, argument: name, body: "{\(members.joined(separator: ","))}", status: 200),
                on: server, "--http2")
            count += 1
        }
        #expect(count >= 6)
    }

    @Test(arguments: [("KESWICK_UNREACHABLE", 504), ("KESWICK_INTERNAL", 502)])
    func theAnswersAreAsTheDocumentSaysWithoutTheKeystore(result: String, status: Int) throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        let gone = plugins.file("gone")
        try compileKeystore("leaving", definitions: ["GONE_FILE=\"\(gone)\"", "GONE_RESULT=\(result)"], into: plugins)
        let deployment = try Deployment()
        try deployment.configure(keystore: "leaving: {}", more: "plugins: { directory: \(plugins.path) }")
        let server = try ServerProcess(deployment)
        try plugins.write("", to: "gone")
        for flag in ["--http1.1", "--http2"] {
            for (method, template) in [
                ("GET", "/v1/ready"), ("PUT", "/v1/key/create/{name}"), ("GET", "/v1/key/describe/{name}"),
                ("DELETE", "/v1/key/delete/{name}"), ("GET", "/v1/key/list/{pattern}"),
            ] {
                try check(Call(method: method, template: template, argument: "k", status: status), on: server, flag)
            }
            // It says so, and is well itself.
            if status == 504 { try check(Call(method: "GET", template: "/v1/status", status: 200), on: server, flag) }
        }
    }

    @Test func aKeyOfAnOldServerHasNoHMACAsTheDocumentSays() throws {
        let deployment = try Deployment()
        #expect(mkdir(deployment.directory.file("keys"), 0o700) == 0)
        try deployment.directory.write(#"{"bytes":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}"#, to: "keys/old")
        try deployment.configure(keystore: "fs: { path: \(deployment.directory.file("keys")) }")
        let server = try ServerProcess(deployment)
        let call = Call(
            method: "PUT", template: "/v1/key/hmac/{name}", argument: "old", body: #"{"message":"aGVsbG8="}"#, status: 409)
        for flag in ["--http1.1", "--http2"] { try check(call, on: server, flag) }
    }

    /// Makes a request, and holds its answer against the document.
    private func check(_ call: Call, on server: ServerProcess, _ flag: String) throws {
        let body = call.body == nil ? [] : ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        let file = server.deployment.directory.file("head\(flag)")
        let answer = try server.curl(
            call.path, as: call.isStranger ? server.deployment.stranger : server.deployment.admin,
            [flag, "-X", call.method, "-D", file] + body, input: Array((call.body ?? "").utf8))
        let what = "\(call.method) \(call.path) \(flag)"
        #expect(answer.status == call.status, "\(what): \(answer.status) \(answer.body.prefix(200)) \(answer.errorText)")
        let head = String(decoding: try readFile(file), as: UTF8.self).lowercased()
        #expect(try problems(call, answer, head) == [], "\(what)")
        #expect(head.contains("\ncontent-length: \(answer.body.utf8.count)\r"), "\(what): \(head)")
    }

    /// What is wrong with an answer.
    private func problems(_ call: Call, _ answer: CurlResult, _ head: String) throws -> [String] {
        guard let operation = paths[call.template]?[call.method.lowercased()] as? [String: Any],
            let responses = operation["responses"] as? [String: Any],
            var response = (responses["\(call.status)"] ?? responses["default"]) as? [String: Any]
        else { return ["the document has no such answer"] }
        if let reference = response["$ref"] as? String { response = schema.resolve(reference) ?? [:] }
        guard let content = response["content"] as? [String: [String: Any]] else {
            return answer.body.isEmpty ? [] : ["a body: \(answer.body)"]
        }
        guard let (type, media) = content.first, let described = media["schema"] as? [String: Any] else { return ["no schema"] }
        var problems = head.contains("\ncontent-type: \(type)") ? [] : ["not \(type)"]
        let value: Any = type == "application/json" ? try YAMLValue.load(answer.body) ?? "nothing" : answer.body
        problems += schema.problems(with: value, described)
        return problems
    }

    @Test func theRoutesAreThoseOfTheServer() throws {
        let answer = try server.curl("/v1/api", as: server.deployment.admin)
        let routes = try #require(try YAMLValue.load(answer.body) as? [[String: Any]])
        let ofTheServer = Set(
            routes.map { "\($0["method"] ?? "") \($0["path"] ?? "") \($0["max_body"] ?? "") \($0["timeout"] ?? "")" })
        var ofTheDocument: Set<String> = []
        for (path, operations) in paths {
            for (method, operation) in operations where method != "parameters" {
                let operation = try #require(operation as? [String: Any])
                let route = path.replacing(/\{[a-z]+\}$/, with: "")
                ofTheDocument.insert(
                    "\(method.uppercased()) \(route) \(operation["x-max-body"] ?? "") \(operation["x-timeout"] ?? "")")
            }
        }
        #expect(ofTheServer == ofTheDocument)
        // The page for readers has them too.
        let page = try Page("docs/http-api.md").text
        for route in routes {
            #expect(page.contains("`\(route["method"] ?? "") \(route["path"] ?? "")"), "\(route)")
        }
    }

    @Test func theMetricsOfTheirPageAreThoseOfTheServer() throws {
        // Some series begin with the first use of what they are about.
        let used = try server.kes(["key", "create", "k"], as: server.deployment.admin)
        #expect(used.code == 0)
        let metrics = try server.curl("/v1/metrics", as: server.deployment.admin).body
        let names = try Page("docs/monitoring.md").text.matches(of: /kes(?:wick)?_[a-z_]*[a-z]/).map(\.output)
        #expect(names.count > 5)
        for name in names { #expect(metrics.contains("\n\(name)"), "\(name)") }
    }

    @Test(arguments: [("audit", "AuditEvent"), ("error", "Error")], ["--http1.1", "--http2"])
    func theLinesOfTheLogsAreAsTheDocumentSays(log: (name: String, schema: String), flag: String) throws {
        let (admin, stranger) = (server.deployment.admin, server.deployment.stranger)
        let follower = try Subprocess(
            "curl",
            [
                "-sSN", flag, "--cacert", server.deployment.serverCertificate, "--cert", admin.certificate, "--key", admin.key,
                "\(server.endpoint)/v1/log/\(log.name)",
            ])
        var text = ""
        // Each request that is refused is an event of either log; those before the log is followed are not for it.
        while !text.contains("\n") {
            #expect(try server.curl("/v1/status", as: stranger, [flag]).status == 403)
            text += String(decoding: follower.readOutputIfAny(), as: UTF8.self)
        }
        let line = try #require(text.split(separator: "\n").first)
        let described = try #require(paths["/v1/log/\(log.name)"]?["get"] as? [String: Any])
        #expect("\(described)".contains("application/x-ndjson") && "\(described)".contains("schemas/\(log.schema)"))
        let schema = try #require(self.schema.resolve("#/components/schemas/\(log.schema)"))
        #expect(self.schema.problems(with: try YAMLValue.load(String(line)) ?? "nothing", schema) == [], "\(line)")
        follower.signal(SIGINT)
        follower.wait()
    }
}
