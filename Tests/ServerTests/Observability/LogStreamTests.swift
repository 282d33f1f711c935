import Foundation
import Glibc
import KESClient
import TestSupport
import Testing

/// `GET /v1/log/audit` and `/v1/log/error`.
@Suite struct LogStreamTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/status", "/v1/log/*"], more: "log: { audit: off, error: on }")
    }

    @Test(arguments: ["--http1.1", "--http2", "--http1.0"], [false, true])
    func theAuditLogIsFollowedEventByEvent(flag: String, isCompressed: Bool) throws {
        let server = try ServerProcess(deployment)
        let follower = try Follower("audit", of: server, as: deployment.admin, flag, isCompressed ? ["--compressed"] : [])
        #expect(follower.head.hasPrefix(flag == "--http2" ? "HTTP/2 200" : "HTTP/1.1 200"))
        #expect(follower.head.lowercased().contains("content-type: application/x-ndjson\r"))
        #expect(!follower.head.lowercased().contains("content-length"))
        #expect(follower.head.lowercased().contains("vary: accept-encoding\r"))
        #expect(follower.head.lowercased().contains("content-encoding: gzip\r") == isCompressed)
        #expect(follower.head.lowercased().contains("transfer-encoding: chunked") == (flag == "--http1.1"))
        #expect(try follower.line().contains(#""path":"/v1/log/audit""#))
        for (path, client, status) in [
            ("/v1/status", deployment.admin, 200), ("/v1/ready", deployment.user, 403), ("/v1/none", deployment.stranger, 404),
        ] {
            #expect(try server.curl(path, as: client).status == status)
            // Each comes although nothing follows it.
            let line = try follower.line()
            let event = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let request = try #require(event["request"] as? [String: Any])
            let response = try #require(event["response"] as? [String: Any])
            #expect(Set(event.keys) == ["time", "request", "response"])
            #expect(request["ip"] as? String == "127.0.0.1")
            #expect(request["path"] as? String == path)
            #expect(request["identity"] as? String == "\(client.identity)")
            #expect(response["code"] as? Int == status)
            #expect(try #require(response["time"] as? Int) > 0)
        }
        // `audit: off` is about standard output.
        #expect(try readFile(server.auditFile) == [])
        #expect(server.stop() == 0)
        #expect(follower.end() == 0)
    }

    @Test(arguments: ["on", "off"])
    func theErrorLogIsFollowedAlsoWhereItIsNotWritten(level: String) throws {
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/log/error"], more: "log: { audit: off, error: \(level) }")
        let server = try ServerProcess(deployment)
        let followers = try ["--http1.1", "--http2"].map { try Follower("error", of: server, as: deployment.user, $0) }
        #expect(try server.curl("/v1/status", as: deployment.user).status == 403)
        for follower in followers {
            let line = try follower.line()
            let event = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
            #expect(Array(event.keys) == ["message"])
            #expect(event["message"]?.contains("INFO request refused: no allow pattern of policy 'user' matches") == true)
        }
        #expect(server.stop() == 0)
        for follower in followers { #expect(follower.end() == 0) }
        let written = String(decoding: try readFile(server.errorFile), as: UTF8.self)
        #expect(written.contains("request refused") == (level == "on"))
    }

    @Test func theClientLibraryFollowsThem() async throws {
        let server = try ServerProcess(deployment)
        for version in [HTTPVersionPreference.automatic, .http1] {
            try await server.withClient(deployment.admin, version: version) { client in
                var lines = try await client.log(.audit).makeAsyncIterator()
                #expect(try await lines.next()?.contains("/v1/log/audit") == true)
                _ = try await client.status()
                #expect(try await lines.next()?.contains("/v1/status") == true)
            }
        }
    }

    @Test func onlyWhoMayFollowALogDoes() throws {
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/v1/log/audit", as: deployment.stranger).status == 403)
        #expect(try server.curl("/v1/log/audit", as: deployment.admin, ["-I"]).status == 200)
        #expect(try server.curl("/v1/log/audit", as: deployment.admin, ["-X", "PUT"]).status == 405)
    }

    /// A reload ends what it forbids, cleanly, and nothing else.
    @Test(arguments: ["--http1.1", "--http2"])
    func whoMayNotFollowALogAnyMoreDoesNot(flag: String) throws {
        let server = try ServerProcess(deployment)
        let (admin, user, stranger) = (deployment.admin, deployment.user, deployment.stranger)
        let assignment = #"{"identity":"\#(stranger.identity)"}"#
        #expect(try server.curl("/v1/policy/assign/user", as: admin, [flag, "-X", "PUT", "-d", assignment]).status == 200)
        let first = try Follower("error", of: server, as: stranger, flag)
        let second = try Follower("error", of: server, as: user, flag)
        let third = try Follower("error", of: server, as: admin, flag)
        #expect(try server.curl("/v1/identity/delete/\(stranger.identity)", as: admin, [flag, "-X", "DELETE"]).status == 200)
        #expect(first.end() == 0)
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/status"])
        server.process.signal(SIGHUP)
        #expect(second.end() == 0)
        while try !third.line().contains("the configuration was reloaded") {}
        #expect(server.stop() == 0)
        #expect(third.end() == 0)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func atItsTimeLimitAnAnswerEnds(flag: String) throws {
        try deployment.configure(
            keystore: "mem: {}", more: "log: { audit: off, error: on }\napi: { /v1/log/audit: { timeout: 1s } }")
        let server = try ServerProcess(deployment)
        let follower = try Follower("audit", of: server, as: deployment.admin, flag)
        #expect(try follower.line().contains(#""path":"/v1/log/audit""#))
        #expect(follower.end() == 0)
    }

    /// gzip checks the sums at the end, of what followers got who came at different times.
    @Test(arguments: ["--http1.1", "--http2"])
    func whatIsCompressedIsAWholeGzipFile(flag: String) throws {
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        let paths = (1...20).map { "/v1/none-\($0)" }
        let files = ["early", "late"].map { deployment.directory.file($0) }
        let plain = deployment.directory.file("plain")
        let gzip = ["-H", "Accept-Encoding: gzip"]
        let reference = try Follower("audit", of: server, as: admin, flag, into: plain)
        let early = try Follower("audit", of: server, as: admin, flag, gzip, into: files[0])
        for path in paths.prefix(10) { #expect(try server.curl(path, as: admin).status == 404) }
        try server.line(containing: paths[9], of: plain)
        let late = try Follower("audit", of: server, as: admin, flag, gzip, into: files[1])
        for path in paths.suffix(10) { #expect(try server.curl(path, as: admin).status == 404) }
        try server.line(containing: paths[19], of: plain)
        // Nothing has happened that this one could tell of.
        let idle = try Follower("error", of: server, as: admin, flag, gzip, into: deployment.directory.file("idle"))
        #expect(server.stop() == 0)
        for follower in [reference, early, late, idle] { #expect(follower.end() == 0) }
        let all = String(decoding: try readFile(plain), as: UTF8.self)
        for (file, first) in zip(files, [paths[0], paths[10]]) {
            let unpacked = try run("gzip", ["-dc"], input: readFile(file))
            #expect(unpacked.code == 0, "\(unpacked.errorText)")
            #expect(unpacked.text.contains("\"path\":\"\(first)\""))
            #expect(all.hasSuffix(unpacked.text))
        }
        #expect(try run("gzip", ["-dc"], input: readFile(deployment.directory.file("idle"))).code == 0)
    }

    /// Events that come right after others wait a moment for more.
    @Test(arguments: ["--http1.1", "--http2"], [[], ["--compressed"]])
    func whatHappenedBeforeTheServerStopsIsStillTold(flag: String, options: [String]) throws {
        let server = try ServerProcess(deployment)
        let file = deployment.directory.file("log")
        let follower = try Follower("audit", of: server, as: deployment.admin, flag, options, into: file)
        #expect(try server.curl("/v1/none-[1-20]", as: deployment.admin, ["-o", "/dev/null"]).code == 0)
        #expect(server.stop() == 0)
        #expect(follower.end() == 0)
        let lines = String(decoding: try readFile(file), as: UTF8.self).split(separator: "\n")
        #expect(lines.count { $0.contains("/v1/none-") } == 20)
    }

    /// Its flow control lets nothing through, so that not even what ends the answer can be sent.
    @Test func aFollowerWhoseTimeIsUpAndWhoDoesNotReadIsCutOff() throws {
        try deployment.configure(
            keystore: "mem: {}", more: "log: { audit: off, error: on }\napi: { /v1/log/audit: { timeout: 1s } }")
        let server = try ServerProcess(deployment)
        let follower = try RawTLSClient(port: server.port, as: deployment.admin, applicationProtocol: "h2")
        // SETTINGS_INITIAL_WINDOW_SIZE 0 (RFC 9113, section 6.5.2).
        let settings: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]
        follower.send(HTTP2Request.preface + settings + HTTP2Request(number: 1, path: "/v1/log/audit").bytes)
        // RST_STREAM of the first stream.
        let reset: [UInt8] = [0, 0, 4, 3, 0, 0, 0, 0, 1]
        #expect(follower.read { $0.firstRange(of: reset) != nil })
        try server.errorLine(containing: "a client that follows a log was cut off")
    }

    /// What cannot be delivered at once waits in a bounded buffer. Paths of 8 KB make events that fill it fast.
    @Test func aFollowerThatDoesNotReadCostsNobodyAnything() throws {
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        let files = (0..<9).map { deployment.directory.file("follower-\($0)") }
        let readers = try files.enumerated().map { index, file in
            try Follower(
                "audit", of: server, as: admin, index.isMultiple(of: 2) ? "--http1.1" : "--http2",
                index.isMultiple(of: 3) ? ["--compressed"] : [], into: file)
        }
        // Its output is a pipe that nobody reads, so that it stops to read from the server.
        let stuck = try ["--http1.1", "--http2"].map { try Follower("audit", of: server, as: admin, $0) }
        for file in files { try server.line(containing: "/v1/log/audit", of: file) }
        let memory = try residentKilobytes(of: server)
        let count = 4000
        let padding = String(repeating: "a", count: 8000)
        let statuses = try server.curl(
            "/v1/none-[1-\(count)]/\(padding)", as: admin, ["-o", "/dev/null", "-w", "%{http_code}\n"]
        ).body.split(separator: "\n")
        // Paths are shorter. What was asked for is in the log all the same.
        #expect(statuses.count == count && statuses.allSatisfy { $0 == "400" })
        #expect(try server.curl("/v1/last", as: admin).status == 404)
        for file in files {
            try server.line(containing: "/v1/last", of: file)
            let lines = String(decoding: try readFile(file), as: UTF8.self).split(separator: "\n")
            let numbers = lines.compactMap { line -> Int? in
                guard let start = line.firstRange(of: "/v1/none-")?.upperBound else { return nil }
                return Int(line[start...].prefix { $0.isNumber })
            }
            #expect(numbers == Array(1...count), "\(file)")
        }
        // 32 MB of events have passed by, and two clients took next to none of them.
        let growth = try residentKilobytes(of: server) - memory
        #expect(isSanitized || growth < 24 << 10, "the server has grown by \(growth) KB")
        // They are cut off, and it shows.
        try server.errorLine(containing: "a client that follows a log was cut off")
        for follower in stuck {
            follower.skip()
            #expect(follower.end() != 0)
        }
        let metrics = try PrometheusText(server.curl("/v1/metrics", as: admin).body)
        #expect(metrics.value("keswick_log_followers", ["log": "audit"]) == 9)
        #expect(try #require(metrics.value("keswick_log_missed_events_total", ["log": "audit"])) > 0)
        #expect(server.stop() == 0)
        for reader in readers { #expect(reader.end() == 0) }
    }

    @Test(arguments: [[], ["--compressed"]])
    func aFollowerThatReadsAgainIsToldWhatItMissed(options: [String]) throws {
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        let follower = try Follower("audit", of: server, as: admin, "--http1.1", options)
        func missed() throws -> Double {
            try PrometheusText(server.curl("/v1/metrics", as: admin).body).value(
                "keswick_log_missed_events_total", ["log": "audit"])
                ?? 0
        }
        // More than the system's buffers and the server's hold, and so that no coding makes it much less.
        let digits = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_".utf8)
        let urls = (1...2500).map { number in
            let padding = String(decoding: (0..<8000).map { _ in digits[.random(in: 0..<64)] }, as: UTF8.self)
            return "url = \(server.endpoint)/v1/none-\(number)/\(padding)\n"
        }
        _ = try server.curlConfiguration(urls.joined(), as: admin)
        var count = 0
        var notice = ""
        while notice.isEmpty {
            let line = try follower.line()
            if line.contains("/v1/none-") { count += 1 }
            if line.contains("events were missed") { notice = line }
        }
        #expect(count < 2500)
        #expect(notice.hasPrefix(#"{"message":""#))
        // From there on nothing is missing.
        #expect(try server.curl("/v1/status", as: admin).status == 200)
        while try !follower.line().contains("/v1/status") {}
        #expect(try missed() > 0)
        #expect(server.stop() == 0)
        #expect(follower.end() == 0)
    }

    private func residentKilobytes(of server: ServerProcess) throws -> Int {
        let status = String(decoding: try readFile("/proc/\(server.process.pid)/status"), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.filter(\.isNumber)))
    }
}
