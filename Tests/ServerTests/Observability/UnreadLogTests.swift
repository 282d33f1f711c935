import Foundation
import TestSupport
import Testing

/// What clients take of the server's memory that follow a log on many streams and read none of it: what one of them would.
@Suite(.disabled(if: isSanitized, "a sanitizer's own memory is counted too")) struct UnreadLogTests {
    private let server: ServerProcess
    private let connection: RawTLSClient

    /// Kilobytes. What followers have not read may have 8 MiB.
    private static let allowed = 24 * 1024
    /// With a path of 8 KB. What waits for a follower may have 1 MiB, which these fill without the last 256 KiB, which may come later.
    private static let events = 200

    private var admin: Deployment.Client { server.deployment.admin }

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", more: "log: { audit: off, error: on }")
        server = try ServerProcess(deployment)
        connection = try RawTLSClient(port: server.port, as: deployment.admin, applicationProtocol: "h2")
        connection.send(HTTP2Request.preface + HTTP2Request.noCredit)
    }

    /// Makes more events than one follower may have waiting, and waits until the connection's event loop has seen them.
    ///
    /// - Returns: The frames that came meanwhile.
    private func makeEvents() throws -> [UInt8] {
        let padding = String(repeating: "a", count: 8000)
        let result = try server.curl("/v1/none-[1-\(Self.events)]/\(padding)", as: admin, ["-o", "/dev/null"])
        #expect(result.code == 0)
        connection.send(HTTP2Request.ping)
        return try frames { $0.firstRange(of: HTTP2Request.pong) != nil }
    }

    private func frames(until isEnough: ([UInt8]) -> Bool) throws -> [UInt8] {
        var frames: [UInt8] = []
        try #require(
            connection.read {
                frames = $0
                return isEnough($0)
            })
        return frames
    }

    /// What DATA frames hold, which may end in the middle of a line.
    private func text(in frames: [UInt8]) -> String {
        var (data, rest) = ([UInt8](), frames[...])
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let count = Int(head[0]) << 16 + Int(head[1]) << 8 + Int(head[2])
            rest = rest.dropFirst(9)
            if head[3] == 0 { data += rest.prefix(count) }
            rest = rest.dropFirst(count)
        }
        return String(decoding: data, as: UTF8.self)
    }

    @Test("All have the same events waiting, which are in memory once")
    func sameEvents() throws {
        let followers = (1...250).map { HTTP2Request(number: $0, path: "/v1/log/audit") }
        connection.send(followers.flatMap(\.bytes) + HTTP2Request.ping)
        _ = try frames { $0.firstRange(of: HTTP2Request.pong) != nil }
        #expect(
            try PrometheusText(server.curl("/v1/metrics", as: admin).body).value("keswick_log_followers", ["log": "audit"]) == 250
        )
        let before = try server.memory("VmHWM")
        _ = try makeEvents()
        #expect(try server.memory("VmHWM") - before < Self.allowed)
        // Who takes them after all (WINDOW_UPDATE) gets them in order, and is told that there were more.
        let last = try #require(followers.last)
        connection.send(last.frame(8, flags: 0, [0x3f, 0xff, 0xff, 0xff]))
        // Events of the last moment may come behind the notice, as many as one batch has.
        let notice = Array("events were missed".utf8)
        let text = text(in: try frames { $0.suffix(512 << 10).firstRange(of: notice) != nil })
        let told = try #require(text.components(separatedBy: "events were missed").first)
        let numbers = told.split(separator: "/v1/none-").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
        #expect(numbers.count > 20 && numbers == Array(1..<numbers.count + 1))
    }

    @Test("Those that came at different times have different events waiting, and the first are cut off, which is told once")
    func differentEvents() throws {
        let before = try server.memory("VmHWM")
        let followers = (1...40).map { HTTP2Request(number: $0, path: "/v1/log/audit") }
        var received: [UInt8] = []
        for follower in followers {
            connection.send(follower.bytes)
            received += try makeEvents()
        }
        #expect(try server.memory("VmHWM") - before < Self.allowed)
        // RST_STREAM
        let isReset = followers.map { $0.frames(in: received).contains { $0.type == 3 } }
        #expect(isReset.prefix(5) == [true, true, true, true, true])
        #expect(isReset.last == false)
        let lines = String(decoding: try readFile(server.errorFile), as: UTF8.self).split(separator: "\n")
        #expect(lines.count { $0.contains("a client that follows a log was cut off") } == 1)
    }
}
