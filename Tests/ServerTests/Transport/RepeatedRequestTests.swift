import KESClient
import TestSupport
import Testing

/// Requests with the head of the one before them, which the server recognizes: each is answered for itself, and by the rules of its time.
@Suite struct RepeatedRequestTests {
    private let server: ServerProcess
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
        for name in ["a", "b"] {
            #expect(try server.curl("/v1/key/create/\(name)", as: deployment.admin, ["-X", "PUT"]).status == 200)
        }
    }

    private func generate(_ key: String, context: String, version: String = "1.1") -> String {
        let body = #"{"context":"\#(context)"}"#
        let keepAlive = version == "1.0" ? "Connection: keep-alive\r\n" : ""
        return
            "PUT /v1/key/generate/\(key) HTTP/\(version)\r\nHost: a\r\n\(keepAlive)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func decrypt(_ ciphertext: String, _ key: String, context: String) throws -> Int {
        let body = #"{"ciphertext":"\#(ciphertext)","context":"\#(context)"}"#
        return try server.curl("/v1/key/decrypt/\(key)", as: deployment.admin, ["-X", "PUT", "--data-binary", body]).status
    }

    @Test func eachIsAnsweredWithItsOwnBodyAndKey() throws {
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        var plaintexts: Set<String> = []
        // Twice the same key, the other one with a head of the same length, then back; and once the older protocol in between.
        for (key, context, version) in [
            ("a", "AAAA", "1.1"), ("a", "BBBB", "1.1"), ("b", "AAAA", "1.1"), ("a", "CCCC", "1.1"), ("a", "DDDD", "1.0"),
            ("a", "EEEE", "1.1"), ("a", "FFFF", "1.1"),
        ] {
            let answer = try conversation.ask(generate(key, context: context, version: version))
            #expect(answer.status == 200)
            plaintexts.insert(try #require(member("plaintext", of: answer.body)))
            let ciphertext = try #require(member("ciphertext", of: answer.body))
            #expect(try decrypt(ciphertext, key, context: context) == 200)
            #expect(try decrypt(ciphertext, key == "a" ? "b" : "a", context: context) == 400)
            #expect(try decrypt(ciphertext, key, context: "ZZZZ") == 400)
        }
        #expect(plaintexts.count == 7)
    }

    @Test func arrivesInPieces() throws {
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        let request = Array(generate("a", context: "AAAA").utf8)
        #expect(try conversation.ask(request).status == 200)
        for cut in stride(from: 1, to: request.count, by: 7) {
            conversation.write(Array(request[..<cut]))
            conversation.write(Array(request[cut...]))
            #expect(try conversation.read().status == 200)
            #expect(try conversation.ask(request).status == 200)
        }
        // And many at once, the last of them cut.
        conversation.write(Array((0..<20).flatMap { _ in request }.dropLast(3)))
        conversation.write(Array(request.suffix(3)))
        for _ in 0..<20 { #expect(try conversation.read().status == 200) }
    }

    @Test func aSecondOneBehindItIsReadByItself() throws {
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        let request = generate("a", context: "AAAA")
        #expect(try conversation.ask(request).status == 200)
        conversation.write(Array((request + "GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n" + request).utf8))
        #expect(try (0..<3).map { _ in try conversation.read().status } == [200, 404, 200])
        // What is no HTTP behind it is refused, and the good one before it is answered.
        conversation.write(Array((request + "\u{1}nonsense\r\n\r\n").utf8))
        #expect(try (0..<2).map { _ in try conversation.read().status } == [200, 400])
    }

    /// A remembered head is compared between requests only: behind the first byte of another one it is a part of that.
    @Test func behindTheBeginningOfAnotherItIsNone() throws {
        let request = generate("a", context: "AAAA")
        for beginning in ["P", "PU", "G", "\r\nP"] {
            let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
            for _ in 0..<2 { #expect(try conversation.ask(request).status == 200) }
            // In the same piece as a good one, and then alone.
            conversation.write(Array((request + beginning).utf8))
            #expect(try conversation.read().status == 200)
            #expect(try conversation.ask(request).status == 400)
        }
    }

    @Test func emptyLinesBetweenRequestsArePassedOver() throws {
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        let request = generate("a", context: "AAAA")
        for text in [request + "\r\n", request, "\r\n" + request + "\r\n", request, "\r\n" + request, request] {
            #expect(try conversation.ask(text).status == 200)
        }
    }

    @Test func aChangeOfTheRulesIsInForceForTheNext() throws {
        let stranger = deployment.stranger
        func admin(_ path: String, _ arguments: [String]) throws {
            #expect(try server.curl(path, as: deployment.admin, arguments).status == 200)
        }
        func allow(_ pattern: String) throws {
            try admin("/v1/policy/write/guest", ["-X", "PUT", "--data-binary", #"{"allow":{"\#(pattern)":{}}}"#])
        }
        try allow("/v1/key/generate/a")
        try admin("/v1/policy/assign/guest", ["-X", "PUT", "--data-binary", #"{"identity":"\#(stranger.identity)"}"#])
        let conversation = try HTTP1Conversation(with: server, as: stranger)
        let request = generate("a", context: "AAAA")
        for _ in 0..<3 { #expect(try conversation.ask(request).status == 200) }
        try allow("/v1/key/generate/b")
        for _ in 0..<2 { #expect(try conversation.ask(request).status == 403) }
        try allow("/v1/key/generate/*")
        for _ in 0..<2 { #expect(try conversation.ask(request).status == 200) }
        try admin("/v1/policy/delete/guest", ["-X", "DELETE"])
        #expect(try conversation.ask(request).status == 403)
    }

    /// U+212A, the sign for Kelvin, and K are the same text to Unicode, and different ones to policies and keys.
    @Test func whatIsWrittenDifferentlyIsAnotherRequestOverHTTP2() throws {
        #expect(try server.curl("/v1/key/create/K", as: deployment.admin, ["-X", "PUT"]).status == 200)
        let names = ["K", "\u{212a}", "K", "\u{212a}"]
        let requests = names.enumerated().map { HTTP2Request(number: $0 + 1, path: "/v1/key/describe/\($1)").bytes }
        let bytes = HTTP2Request.preface + requests.joined() + HTTP2Request.farewell
        let answers = String(
            decoding: try sendRaw(bytes, to: server, as: deployment.admin, applicationProtocol: "h2"), as: UTF8.self)
        #expect(answers.ranges(of: #"{"name":"K","#).count == 2)
        #expect(answers.ranges(of: "key name '\u{212a}'").count == 2)
    }

    @Test func aChangeOfTheRulesIsInForceForTheNextOverHTTP2() async throws {
        let stranger = deployment.stranger
        try await server.withClient(deployment.admin) { admin in
            try await admin.writePolicy("guest", allow: ["/v1/key/generate/a"])
            try await admin.assignPolicy("guest", to: "\(stranger.identity)")
            try await server.withClient(stranger) { client in
                var ciphertexts: [[UInt8]] = []
                for context in 0..<3 {
                    ciphertexts.append(try await client.generateDataKey("a", context: [UInt8(context)]).ciphertext)
                }
                for (context, ciphertext) in ciphertexts.enumerated() {
                    _ = try await admin.decrypt("a", ciphertext: ciphertext, context: [UInt8(context)])
                }
                try await admin.writePolicy("guest", allow: ["/v1/key/generate/b"])
                for _ in 0..<2 {
                    #expect(try await refusal { try await client.generateDataKey("a") }?.status == 403)
                    _ = try await client.generateDataKey("b")
                }
                try await admin.deletePolicy("guest")
                #expect(try await refusal { try await client.generateDataKey("b") }?.status == 403)
            }
        }
    }

    @Test func eachIsAuditedAndCounted() throws {
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        for _ in 0..<5 { #expect(try conversation.ask(generate("b", context: "AAAA")).status == 200) }
        let metrics = try server.curl("/v1/metrics", as: deployment.admin).body
        // With the two that made the keys.
        #expect(metrics.contains("\nkes_http_request_success{code=\"200\"} 7\n"), "\(metrics)")
        #expect(metrics.contains("\nkes_log_audit_events 7\n"), "\(metrics)")
    }

    /// Whatever comes in whatever pieces, each request gets the answer that it would get alone, and is audited as what it was.
    @Test func anyOrderGivesTheSameAnswers() throws {
        let chunked = "PUT /v1/key/generate/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        let requests: [(text: String, status: Int)] = [
            (generate("a", context: "AAAA"), 200), (generate("a", context: "AAAAAAAA"), 200),
            (generate("b", context: "AAAA"), 200),
            (generate("a", context: "AAAA", version: "1.0"), 200), (generate("c", context: "AAAA"), 404), (chunked, 200),
            (generate("a", context: "?"), 400), ("GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 200),
            ("PUT /v1/key/generate/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200),
            ("PUT /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405),
        ]
        // The same on every run: xorshift, from a fixed start.
        var random: UInt64 = 0x9e37_79b9_7f4a_7c15
        func next(_ bound: Int) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % UInt64(bound))
        }
        let conversation = try HTTP1Conversation(with: server, as: deployment.admin)
        var events = ["/v1/key/create/a 200", "/v1/key/create/b 200"]
        for _ in 0..<60 {
            // Often the same, as clients are.
            let batch = (0...next(4)).map { _ in requests[next(2) == 0 ? 0 : next(requests.count)] }
            var bytes = Array(batch.map(\.text).joined().utf8)[...]
            while !bytes.isEmpty {
                let count = next(3) == 0 ? 1 + next(bytes.count) : bytes.count
                conversation.write(Array(bytes.prefix(count)))
                bytes = bytes.dropFirst(count)
            }
            #expect(try batch.map { _ in try conversation.read().status } == batch.map(\.status))
            events += batch.map { "\($0.text.split(separator: " ")[1]) \($0.status)" }
        }
        #expect(try conversation.ask("GET /v1/%22last%22 HTTP/1.1\r\nHost: a\r\n\r\n").status == 404)
        events.append(#"/v1/\"last\" 404"#)
        try server.line(containing: "last", of: server.auditFile)
        let audited = try String(decoding: readFile(server.auditFile), as: UTF8.self).split(separator: "\n").map { line in
            let form = /"request":{"ip":"127\.0\.0\.1","path":"(.*)","identity":"([0-9a-f]*)"},"response":{"code":(\d+),/
            let match = try #require(line.firstMatch(of: form))
            #expect(match.2 == "\(deployment.admin.identity)")
            return "\(match.1) \(match.3)"
        }
        #expect(audited == events)
    }
}
