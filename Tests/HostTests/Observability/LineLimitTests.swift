import Envelope
import Glibc
import Host
import Logging
import NIOConcurrencyHelpers
import TestSupport
import Testing

/// Who can cause lines of the error log can cause no more of them than the disk has room for.
@Suite("Lines of the error log that come too fast")
struct LineLimitTests {
    private let limit = LineLimit.linesInASecond

    private func line(_ text: String, _ level: Logger.Level = .info, at place: UInt = 1) -> LineLimit.Line {
        LineLimit.Line(
            LogEvent(
                level: level, message: "\(text)", metadata: nil, source: "test", file: "test", function: "test", line: place), [:]
        )
    }

    private func second(_ number: UInt64, _ fraction: UInt64 = 0) -> MonotonicTime {
        MonotonicTime(nanoseconds: number * 1_000_000_000 + fraction)
    }

    private func told(_ lines: [LineLimit.Line]) -> [String] { lines.map { "\($0.event.message) +\($0.leftOut)" } }

    @Test("are left out from one place, and the last of them is told with the number of the others")
    func flood() {
        var lines = LineLimit()
        for number in 1...limit { #expect(told(lines.admit(line("\(number)"), at: second(7))) == ["\(number) +0"]) }
        for number in 1...50 { #expect(told(lines.admit(line("more \(number)"), at: second(7, 999_999_999))) == []) }
        #expect(told(lines.settle(at: second(7, 999_999_999))) == [])
        #expect(told(lines.settle(at: second(8))) == ["more 50 +49"])
        #expect(told(lines.settle(at: second(8))) == [])
    }

    @Test("are told of before the next line from there, when that comes first")
    func next() {
        var lines = LineLimit()
        for number in 1...limit + 2 { _ = lines.admit(line("\(number)"), at: second(7)) }
        #expect(told(lines.admit(line("later"), at: second(9))) == ["\(limit + 2) +1", "later +0"])
        #expect(told(lines.settle(at: second(10))) == [])
    }

    @Test("do not keep lines from other places out")
    func others() {
        var lines = LineLimit()
        for number in 1...limit + 10 { _ = lines.admit(line("\(number)"), at: second(7)) }
        #expect(told(lines.admit(line("other", at: 2), at: second(7))) == ["other +0"])
        #expect(told(lines.admit(line("first", at: 1), at: second(7))) == [])
    }

    @Test("stay when they tell of a change, or were asked for", arguments: [Logger.Level.notice, .critical, .debug, .trace])
    func changes(level: Logger.Level) {
        var lines = LineLimit()
        for number in 1...3 * limit { #expect(told(lines.admit(line("\(number)", level), at: second(7))) == ["\(number) +0"]) }
    }

    @Test("are left out whatever their level may be", arguments: [Logger.Level.info, .warning, .error])
    func levels(level: Logger.Level) {
        var lines = LineLimit()
        let written = (1...3 * limit).flatMap { lines.admit(line("\($0)", level), at: second(7)) }
        #expect(written.count == limit)
    }

    @Test("are found in the log as a number")
    func written() throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("log")
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let output = try LineWriter(descriptor: descriptor) { _ in nil }
        let clock = NIOLockedValueBox(second(7))
        let log = ErrorLog(
            level: .info, output: output, now: { Timestamp(seconds: 0, nanoseconds: 0) }, clock: { clock.withLockedValue { $0 } })
        let logger = log.logger
        func tell(_ count: Int) {
            for number in 1...count { logger.info("refused", metadata: ["ip": "10.0.0.\(number)"]) }
        }
        tell(limit + 3)
        clock.withLockedValue { $0 = second(8) }
        log.tellLeftOut()
        tell(limit + 1)
        log.tellLeftOut(all: true)
        output.close(seconds: 60)
        let lines = String(decoding: try readFile(file), as: UTF8.self).split(separator: "\n").map(String.init)
        let (first, last) = (1...limit, "1970-01-01T00:00:00Z INFO refused ip=10.0.0.")
        #expect(
            lines
                == first.map { "\(last)\($0)" } + ["\(last)\(limit + 3) (and 2 more lines of this kind within a second)"]
                + first.map { "\(last)\($0)" } + ["\(last)\(limit + 1)"])
    }

    /// The server's own clock says when a second is over.
    @Test("are told of by the server, when nothing more is logged")
    func server() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let file = deployment.directory.file("errors")
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let server = try RunningServer(deployment) { $0.standardError = descriptor }
        func log() throws -> String { String(decoding: try readFile(file), as: UTF8.self) }
        // Within a second, which a slow machine may not do at first.
        while try !log().contains("of this kind within a second)") {
            _ = try run("curl", ["-s", "-Z", "http://127.0.0.1:\(server.port)/[1-\(4 * limit)]"])
        }
        #expect(try log().contains("the client spoke HTTP without TLS"))
    }
}
