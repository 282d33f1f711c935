import Foundation
import TestSupport
import Testing

/// Logs that the system does not take: the server goes on and says what was lost.
@Suite struct LostLogTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
    }

    private func create(_ count: Int, on server: ServerProcess) throws {
        for number in 0..<count {
            #expect(try server.curl("/v1/key/create/k\(number)", as: deployment.admin, ["-X", "PUT"]).status == 200)
        }
    }

    /// Scrapes until every event so far is known to be lost: the thread that writes may be a moment behind.
    private func scrapeUntilAllIsLost(_ server: ServerProcess) throws -> (events: Double?, lost: Double?, errors: Double?) {
        for _ in 0..<300 {
            let metrics = try PrometheusText(server.curl("/v1/metrics", as: deployment.admin).body)
            let events = metrics.value("kes_log_audit_events")
            let lost = metrics.value("keswick_log_lost_events_total", ["log": "audit"])
            if lost == events { return (events, lost, metrics.value("kes_log_error_events")) }
        }
        return (nil, nil, nil)
    }

    /// Sums up what the error log says was lost, which has to give this reason.
    private func lostEvents(_ server: ServerProcess, because reason: String) throws -> Int {
        let text = String(decoding: try readFile(server.errorFile), as: UTF8.self)
        var sum = 0
        for line in text.split(separator: "\n") where line.contains(" lost: standard output ") {
            let form = try #require(
                line.wholeMatch(of: /.* ERROR (\d+) audit (?:event was|events were) lost: standard output (.*)/))
            #expect(form.2 == reason)
            sum += Int(form.1) ?? 0
        }
        return sum
    }

    private func expectAllLost(_ server: ServerProcess, because reason: String) throws {
        try create(3, on: server)
        try server.errorLine(containing: " lost: standard output \(reason)")
        let (events, lost, errors) = try scrapeUntilAllIsLost(server)
        #expect(try #require(lost) >= 3)
        #expect(try #require(errors) >= 1)
        // The last scrape was an event as well.
        try stop(server, expecting: Int(try #require(events)) + 1, because: reason)
    }

    /// What was not told of by now is told at the end.
    private func stop(_ server: ServerProcess, expecting total: Int, because reason: String) throws {
        let told = try lostEvents(server, because: reason)
        #expect(server.stop() == 0)
        if told < total { try server.errorLine(containing: " ERROR \(total - told) audit event") }
        #expect(try lostEvents(server, because: reason) == total)
    }

    @Test func aFullDiskLosesEventsButNotWithoutAWord() throws {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        defer { close(full) }
        try expectAllLost(
            ServerProcess(deployment, standardOutput: full), because: "cannot be written to: No space left on device")
    }

    @Test func soDoesAPipeWhoseReaderHasGone() throws {
        // One with a name: no process that another test starts meanwhile gets its ends.
        let path = deployment.directory.file("output")
        try #require(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let writer = open(path, O_WRONLY | O_CLOEXEC)
        try #require(reader >= 0 && writer >= 0)
        defer { close(writer) }
        let server = try ServerProcess(deployment, standardOutput: writer)
        close(reader)
        try expectAllLost(server, because: "cannot be written to: Broken pipe")
    }

    /// The file may grow by one event and a half; then a limit stands in for a disk with no room, and goes.
    @Test func aTornLineDoesNotSpoilTheNext() throws {
        let server = try ServerProcess(deployment)
        try create(1, on: server)
        let first = try server.auditEvent(containing: "/v1/key/create/k0") + "\n"
        func limitFiles(to size: String) throws {
            // The colon: of the two limits the one that can be raised again.
            let limited = try run("prlimit", ["--pid", "\(server.process.pid)", "--fsize=\(size):"])
            try #require(limited.code == 0, "\(limited.errorText)")
        }
        try limitFiles(to: "\(first.utf8.count * 3 / 2)")
        // One is torn, one has no room at all.
        for path in ["torn", "lost"] { _ = try server.curl("/v1/key/describe/\(path)", as: deployment.admin) }
        try server.errorLine(containing: " lost: standard output cannot be written to: File too large")
        try limitFiles(to: "unlimited")
        #expect(try server.curl("/v1/key/describe/whole", as: deployment.admin).status == 404)
        let whole = try server.auditEvent(containing: "/v1/key/describe/whole")
        #expect(whole.hasPrefix(#"{"time":"#) && whole.hasSuffix("}"))
        try stop(server, expecting: 2, because: "cannot be written to: File too large")
        let lines = String(decoding: try readFile(server.auditFile), as: UTF8.self).split(separator: "\n").map { "\($0)" }
        #expect(lines.count == 3)
        #expect(lines.first == String(first.dropLast()) && lines.last == whole)
        #expect(lines.count > 1 && !lines[1].hasSuffix("}"))
    }
}
