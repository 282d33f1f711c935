import Glibc
import TestSupport
import Testing

/// `kes metric` and `kes log` on terminals of several sizes, against a real server.
@Suite struct LiveViewTests {
    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
    }

    private var environment: [String: String] {
        [
            "KES_SERVER": "127.0.0.1:\(server.port)", "KES_API_KEY": server.deployment.admin.apiKey,
            "SSL_CERT_FILE": server.deployment.serverCertificate, "KES": kesPath(),
        ]
    }

    /// Requests that figures can be made of: 6 that succeed, 1 that does not.
    private func useServer() throws {
        for arguments in [
            ["key", "create", "a", "b", "c"], ["key", "dek", "a"], ["key", "dek", "a"], ["key", "ls"], ["key", "info", "none"],
        ] { _ = try run(kesPath(), arguments, environment: cleaned(environment)) }
    }

    /// Figures that differ from run to run and from machine to machine are `#`; what stands to their right stays where it is.
    private func masked(_ screen: String) -> String {
        screen.replacing(
            /127\.0\.0\.1:\d+  Keswick \d+\.\d+\.\d+  up (?:\d+ (?:s|min|h|d) ?)+[ ]*/, with: "SERVER  Keswick #  up #  "
        )
        .replacing(/99 % (?:-|[<>] [\d.]+ (?:µs|ms|s))/, with: "99 % #")
        .replacing(/[ ]+[<>] [\d.]+ (?:µs|ms|s)/) { match in
            String(repeating: " ", count: match.output.count - 1) + "#"
        }
        .replacing(/\d+\.\d+\.\d+/, with: "#")
        .replacing(/(memory|heap|threads|processors|handshake|http1|http2|TLS failures) [\d.,]+( [KMG]iB)?/) {
            "\($0.output.1) #"
        }
    }

    /// Compares a screen with the file that says how it has to look. With KES_UPDATE_GOLDEN=1 in the environment it becomes that file.
    private func expect(_ screen: String, golden name: String) throws {
        let path = "\(Repository.root)/Tests/CommandLineTests/Golden/\(name).txt"
        if getenv("KES_UPDATE_GOLDEN") != nil {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            defer { close(file) }
            let bytes = Array("\(screen)\n".utf8)
            #expect(bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count)
        }
        #expect(screen + "\n" == String(decoding: try readFile(path), as: UTF8.self))
    }

    /// Only attributes and the sixteen colours that are the terminal's own: whoever chose a dark or a light background chose them too.
    private func expectTerminalsOwnColors(_ screen: String) {
        let codes = screen.matches(of: /\u{1b}\[([0-9;]*)m/).flatMap { $0.output.1.split(separator: ";") }
        #expect(!codes.isEmpty)
        #expect(Set(codes).isSubset(of: ["0", "1", "2", "22", "31", "32", "33", "36", "39", "49"]), "\(Set(codes))")
    }

    @Test(
        .disabled(if: isSanitized, "a sanitizer has a heap of its own, and the metrics show none"),
        arguments: [(80, 24), (80, 40), (120, 40)])
    func theMetricsFitTheTerminal(columns: Int, rows: Int) throws {
        try useServer()
        let terminal = try Tmux(
            shell: "\"$KES\" metric --rate 1h", columns: columns, rows: rows, environment: environment)
        let screen = try terminal.wait(for: "Ctrl-C ends it")
        let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= rows)
        #expect(lines.allSatisfy { $0.count <= columns })
        // The figures of a block stand under each other.
        let edge = columns == 80 ? 80 : 58
        for label in ["  succeeded ", "  refused (4xx) "] {
            let line = try #require(lines.first { $0.hasPrefix(label) })
            #expect(line.prefix(edge).hasSuffix(" 0") && line.dropFirst(edge).first ?? " " == " ", "\(line)")
        }
        try expect(masked(screen), golden: "metric-\(columns)x\(rows)")
        expectTerminalsOwnColors(try terminal.screen(withStyles: true))
    }

    @Test func theMetricsMoveAndFollowTheSizeOfTheTerminal() throws {
        let terminal = try Tmux(shell: "\"$KES\" metric --rate 100ms", columns: 80, rows: 24, environment: environment)
        // Two looks make a rate, and the view itself calls the server.
        try terminal.wait(for: "bars") { $0.contains("█") }
        try terminal.resize(columns: 120, rows: 40)
        try terminal.wait(for: "two columns") { screen in
            screen.split(separator: "\n").contains { $0.hasPrefix("Requests") && $0.contains(" APIs ") && $0.count == 120 }
        }
        try terminal.resize(columns: 60, rows: 12)
        let small = try terminal.wait(for: "a small screen") { screen in
            screen.split(separator: "\n").allSatisfy { $0.count <= 60 } && screen.hasSuffix("Ctrl-C ends it")
        }
        #expect(small.split(separator: "\n", omittingEmptySubsequences: false).count <= 12)
        // Nothing is to be read there, but the view goes on.
        try terminal.resize(columns: 6, rows: 3)
        try terminal.wait(for: "next to no screen") { screen in screen.split(separator: "\n").allSatisfy { $0.count <= 6 } }
        try terminal.resize(columns: 60, rows: 12)
        try terminal.wait(for: "the figures again") { $0.contains("Requests") && $0.hasSuffix("Ctrl-C ends it") }
    }

    @Test func theViewSaysWhenTheServerIsGone() throws {
        let terminal = try Tmux(shell: "\"$KES\" metric --rate 100ms", columns: 80, rows: 24, environment: environment)
        try terminal.wait(for: "Ctrl-C ends it")
        #expect(server.stop() == 0)
        let screen = try terminal.wait(for: "No answer: failed to read the metrics: cannot connect to")
        #expect(screen.contains("Requests"))
    }

    @Test func ctrlCLeavesTheTerminalAsItWas() throws {
        let directory = try TemporaryDirectory()
        let terminal = try Tmux(
            shell: "echo before; trap : INT; \"$KES\" metric --rate 1h; stty -a >'\(directory.file("state"))'; echo after; cat",
            columns: 80, rows: 24, environment: environment)
        #expect(try !terminal.wait(for: "Ctrl-C ends it").contains("before"))
        #expect(try terminal.state() == "0 1")
        try terminal.type("C-c")
        #expect(try terminal.wait(for: "after").contains("before"))
        #expect(try terminal.state() == "1 0")
        let state = String(decoding: try readFile(directory.file("state")), as: UTF8.self)
        #expect(state.contains(" echo ") && state.contains(" icanon "))
    }

    @Test func withoutATerminalEachLookIsALineOfJSON() throws {
        try useServer()
        let process = try Subprocess(kesPath(), ["metric", "--rate", "100ms"], environment: cleaned(environment))
        var text = ""
        while text.split(separator: "\n").count < 3 { text += String(decoding: process.readOutput(), as: UTF8.self) }
        let first = try #require(text.split(separator: "\n").first)
        #expect(
            first.hasPrefix(#"{"kes_http_request_success":6,"kes_http_request_error":1,"kes_http_request_failure":0,"#),
            "\(first)")
        process.signal(SIGINT)
        #expect(process.wait() == -SIGINT)
    }

    /// `kes log` on a terminal, once a request has shown there. The requests that are made until then are one and the same.
    private func followedLog(columns: Int, _ arguments: String = "") throws -> (terminal: Tmux, screen: String) {
        let terminal = try Tmux(
            shell: "trap : INT; \"$KES\" log \(arguments); echo ended; cat", columns: columns, rows: 24, environment: environment)
        try terminal.wait(for: "ADDRESS")
        let screen = try terminal.wait(for: "an event") { screen in
            if screen.contains("/v1/key/describe/a-key") { return true }
            _ = try? run(kesPath(), ["key", "info", Self.longName], environment: cleaned(environment))
            return false
        }
        return (terminal, screen)
    }

    // As long as names may be.
    private static let longName = "a-key-with-a-name-" + String(repeating: "x", count: 62)

    @Test(arguments: [80, 120])
    func eventsOfTheLogFitTheTerminal(columns: Int) throws {
        let (terminal, screen) = try followedLog(columns: columns)
        let lines = screen.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= columns })
        let heading = try #require(lines.first)
        // How many events there are is not the test's.
        let event = try #require(lines.first { $0.contains("/v1/key/describe/a-key") })
        #expect(event.hasSuffix("…") && event.count == columns)
        let masked = event.replacing(/^[\d-]* ?\d\d:\d\d:\d\d(\.\d+)?/) { String($0.output.0.map { $0.isNumber ? "0" : $0 }) }
            .replacing(/[ ]+\d+ (?:µs|ms|s)/) { String(repeating: " ", count: $0.output.count - 1) + "#" }
            .replacing(/[0-9a-f]{7,15}…/) { String(repeating: "f", count: $0.output.count - 1) + "…" }
        try expect("\(heading)\n\(masked)", golden: "log-\(columns)")
        expectTerminalsOwnColors(try terminal.screen(withStyles: true))
        // Ctrl-C ends it, and the rows stay.
        try terminal.type("C-c")
        #expect(try terminal.wait(for: "ended").contains("/v1/key/describe/a-key"))
        #expect(try terminal.state() == "1 0")
    }

    @Test func theErrorLogIsLinesOfText() throws {
        let terminal = try Tmux(shell: "\"$KES\" log --error", columns: 250, rows: 24, environment: environment)
        let stranger = server.deployment.stranger
        let screen = try terminal.wait(for: "a refusal") { screen in
            if screen.contains(stranger.identity.description.prefix(20)) { return true }
            _ = try? server.kes(["key", "ls"], as: stranger)
            return false
        }
        #expect(!screen.contains(#"{"message""#))
    }

    @Test func withoutATerminalEachEventIsALineOfJSON() throws {
        let process = try Subprocess(kesPath(), ["log"], environment: cleaned(environment))
        var text = ""
        while !text.contains("\n") {
            _ = try run(kesPath(), ["key", "ls"], environment: cleaned(environment))
            text += String(decoding: process.readOutputIfAny(), as: UTF8.self)
        }
        #expect(text.hasPrefix(#"{"time":"20"#), "\(text)")
        process.signal(SIGINT)
        #expect(process.wait() == -SIGINT)
    }
}
