import Glibc
import TestSupport
import Testing

/// A server that is not ours answers with numbers that make no sense. `kes` shows what it can, and goes on.
@Suite struct StrangeAnswerTests {
    private let server: Subprocess
    private let deployment: Deployment
    private let directory: TemporaryDirectory
    private let environment: [String: String]

    struct NotStarted: Error {}

    init() throws {
        deployment = try Deployment()
        directory = try TemporaryDirectory()
        guard mkdir(directory.file("v1"), 0o700) == 0 else { throw NotStarted() }
        let files = [
            "status": """
            {"version":"x","os":"linux","arch":"amd64","uptime":1,"num_cpu":1,"num_cpu_used":1,"mem_heap_used":1,"mem_stack_used":1}
            """,
            "api": #"[{"method":"GET","path":"/v1/x","max_body":-1,"timeout":-15}]"#,
            "metrics": """
            kes_http_request_success NaN
            kes_http_request_error +Inf
            kes_http_request_failure -1e300
            kes_http_request_active 7
            keswick_api_latency_seconds_bucket{le="-1e308"} 1
            keswick_api_latency_seconds_bucket{le="nan"} 1
            kes_system_up_time 1e300

            """,
        ]
        for (name, text) in files { try directory.write(text, to: "v1/\(name)") }
        // It takes the paths of requests for files of its directory.
        server = try Subprocess(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", deployment.serverCertificate, "-key", deployment.serverKey, "-WWW",
            ], directory: directory.path)
        var text = ""
        var port: Substring?
        while port == nil {
            let bytes = server.readOutput()
            guard !bytes.isEmpty else { throw NotStarted() }
            text += String(decoding: bytes, as: UTF8.self)
            port = text.firstMatch(of: /ACCEPT 127\.0\.0\.1:(\d+)\n/)?.output.1
        }
        environment = [
            "KES_SERVER": "127.0.0.1:\(port ?? "")", "KES_API_KEY": deployment.admin.apiKey,
            "SSL_CERT_FILE": deployment.serverCertificate, "KES": kesPath(),
        ]
    }

    @Test func aBodyOfFewerThanNoBytesIsShown() throws {
        // Only a terminal is shown sizes for people.
        let result = try run("script", ["-qec", "\(kesPath()) status --api", "/dev/null"], environment: cleaned(environment))
        #expect(result.code == 0, "\(result.text)")
        #expect(result.text.contains("/v1/x"))
    }

    @Test func figuresThatAreNoneAreLeftOut() throws {
        let terminal = try Tmux(shell: "\"$KES\" metric --rate 100ms", columns: 80, rows: 24, environment: environment)
        // Two looks make a rate.
        try terminal.wait(for: "bars") { $0.contains("▁") }
        #expect(try terminal.wait(for: "Ctrl-C ends it").contains(/in flight +7\n/))
    }
}
