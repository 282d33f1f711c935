import Foundation
import TestSupport
import Testing

/// The audit log as it is written.
@Suite struct AuditTests {
    private let deployment: Deployment
    private var admin: Deployment.Client { deployment.admin }

    init() throws {
        deployment = try Deployment()
    }

    private func events(_ server: ServerProcess) throws -> [String] {
        #expect(server.stop() == 0)
        return String(decoding: try readFile(server.auditFile), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func everyRequestIsOneEventInTheFormOfTheProtocol(flag: String) throws {
        try deployment.configure(
            keystore: "mem: {}", allow: ["/v1/status"], more: "api: { /v1/ready: { skip_auth: true } }")
        let server = try ServerProcess(deployment)
        let (user, stranger) = (deployment.user, deployment.stranger)
        let calls: [(String, Deployment.Client?, String, Int)] = [
            ("PUT", admin, "/v1/key/create/k", 200), ("PUT", admin, "/v1/key/create/k", 400), ("GET", user, "/v1/status", 200),
            ("GET", user, "/v1/key/list/", 403), ("GET", stranger, "/v1/status", 403), ("GET", admin, "/v1/nothing", 404),
            ("PATCH", admin, "/v1/key/create/k", 405), ("GET", nil, "/v1/ready", 200), ("GET", nil, "/v1/status", 400),
            ("PUT", admin, "/v1/key/decrypt/none", 404), ("DELETE", admin, "/v1/key/delete/k", 200),
        ]
        for (method, client, path, status) in calls {
            #expect(try server.curl(path, as: client, [flag, "-X", method]).status == status, "\(method) \(path)")
        }
        let events = try events(server)
        try #require(events.count == calls.count)
        for (event, (_, client, path, status)) in zip(events, calls) {
            // Nobody has no identity, not an empty one.
            let identity = client.map { #","identity":"\#($0.identity)""# } ?? ""
            let form =
                #"{"time":"TIME","request":{"ip":"127.0.0.1","path":"\#(path)"\#(identity)},"response":{"code":\#(status),"time":NANOSECONDS}}"#
            let time = /"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"/
            let masked = event.replacing(time, with: #""time":"TIME""#).replacing(
                /"time":[1-9]\d*\}/, with: #""time":NANOSECONDS}"#)
            #expect(masked == form)
        }
    }

    @Test func withTheAuditLogOffNothingIsWritten() throws {
        for setting in ["off", "OFF", "\"off\""] {
            try deployment.configure(keystore: "mem: {}", more: "log: { audit: \(setting) }")
            let server = try ServerProcess(deployment)
            #expect(try server.curl("/v1/key/create/k", as: admin, ["-X", "PUT"]).status == 200)
            #expect(try events(server) == [])
        }
    }

    /// At the level that tells most, and through everything that takes or gives a secret.
    @Test(arguments: ["--http1.1", "--http2"])
    func neitherLogHoldsAnythingSecret(flag: String) throws {
        try deployment.configure(keystore: "mem: {}", more: "log: { audit: on, error: DEBUG }")
        let server = try ServerProcess(deployment)
        // Each is 32 bytes that are nowhere else, in base64.
        let (key, plaintext, context, message) = (secret(1), secret(2), secret(3), secret(4))
        var secrets = [key, plaintext, context, message]
        func put(_ path: String, _ body: String) throws -> String {
            try server.curl(path, as: admin, [flag, "-X", "PUT", "--data-binary", "@-"], input: Array(body.utf8)).body
        }
        #expect(try put("/v1/key/import/k", #"{"key":"\#(key)","cipher":"AES256"}"#).isEmpty)
        let encrypted = try put("/v1/key/encrypt/k", #"{"plaintext":"\#(plaintext)","context":"\#(context)"}"#)
        let ciphertext = try #require(member("ciphertext", of: encrypted))
        let decrypted = try put("/v1/key/decrypt/k", #"{"ciphertext":"\#(ciphertext)","context":"\#(context)"}"#)
        #expect(member("plaintext", of: decrypted) == plaintext)
        let dataKey = try put("/v1/key/generate/k", #"{"context":"\#(context)"}"#)
        let code = try put("/v1/key/hmac/k", #"{"message":"\#(message)"}"#)
        secrets += [
            ciphertext, try #require(member("plaintext", of: dataKey)), try #require(member("ciphertext", of: dataKey)),
            try #require(member("hmac", of: code)), admin.apiKey,
        ]
        // What is refused is not repeated either.
        _ = try put("/v1/key/decrypt/k", #"{"ciphertext":"\#(ciphertext)"}"#)
        _ = try put("/v1/key/decrypt/k", #"{"ciphertext":"\#(plaintext)","context":"\#(context)""#)
        _ = try put("/v1/key/import/other", #"{"key":"\#(String(key.dropLast(4)))","cipher":"AES256"}"#)
        // Nor is an API key that a client takes for an identity, whoever sends it, and however it is written.
        let bare = "APwNcHswx/JhVKo7sT8alIzumfp/iA+ssKIvHd4tATUP"
        let encoded = bare.replacing("/", with: "%2F").replacing("+", with: "%2B")
        let unbroken = "AB\(String(admin.apiKey.dropFirst(9).filter(\.isLetter).prefix(20)))".padding(
            toLength: 44, withPad: "x", startingAt: 0)
        let forms = [
            admin.apiKey, "kes%3Av1%3a\(admin.apiKey.dropFirst(7))", "kes:v1:\(bare)", "KES:V1:\(bare)", "kes%3Av1%3A\(encoded)",
            encoded, bare,
            unbroken, "kes:v1:\(unbroken)",
        ]
        var answers: [String] = []
        for client in [admin, deployment.stranger] {
            for form in forms { answers.append(try server.curl("/v1/identity/describe/\(form)", as: client, [flag]).body) }
        }
        answers.append(try server.curl("/v1/key/list/kes:v1:\(unbroken)", as: admin, [flag]).body)
        answers.append(try put("/v1/policy/assign/p", #"{"identity":"kes:v1:\#(bare)"}"#))
        let pieces = bare.split(separator: "/").map(String.init) + [unbroken, String(admin.apiKey.dropFirst(7).prefix(16))]
        let events = try events(server)
        #expect(events.count == 8 + 2 * forms.count + 2)
        #expect(events.count { $0.contains(#"/v1/identity/describe/kes:v1:…""#) } == 2 * forms.count)
        for text in answers + events { for piece in pieces { #expect(!text.contains(piece)) } }
        let errors = String(decoding: try readFile(server.errorFile), as: UTF8.self)
        for piece in pieces { #expect(!errors.contains(piece)) }
        for log in [events.joined(), errors] {
            for secret in secrets {
                #expect(!log.contains(secret.prefix(16)))
                let bytes = try #require(Data(base64Encoded: secret.replacing("kes:v1:", with: "")))
                #expect(!log.lowercased().contains(bytes.prefix(8).map { String(format: "%02x", $0) }.joined()))
            }
        }
    }

    private func secret(_ seed: UInt8) -> String {
        Data((0..<32).map { seed &* 67 &+ $0 &* 29 }).base64EncodedString()
    }
}
