import Foundation
import TestSupport
import Testing

/// `kes bench` against a real server. What it measures depends on the machine; that it adds up does not.
@Suite struct BenchTests {
    private struct Report: Decodable {
        var operation: String
        var key: String
        var concurrency: Int
        var seconds: Double
        var requests: Int
        var rate: Int
        var latency_us: [String: Int]
        var errors: [String: Int]
    }

    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
        #expect(try kes("key", "create", "k").code == 0)
    }

    private func kes(_ arguments: String...) throws -> CommandResult {
        let environment = [
            "KES_SERVER": server.endpoint, "KES_API_KEY": server.deployment.admin.apiKey,
            "SSL_CERT_FILE": server.deployment.serverCertificate,
        ]
        return try run(kesPath(), arguments, environment: cleaned(environment))
    }

    @Test(arguments: [["k"], ["generate", "k"], ["encrypt", "k"], ["decrypt", "k"]])
    func whatIsPrintedAddsUp(words: [String]) throws {
        let arguments = ["bench", "--concurrency", "3", "--duration", "200ms", "--json"] + words
        let environment = [
            "KES_SERVER": server.endpoint, "KES_API_KEY": server.deployment.admin.apiKey,
            "SSL_CERT_FILE": server.deployment.serverCertificate,
        ]
        let result = try run(kesPath(), arguments, environment: cleaned(environment))
        #expect(result.code == 0, "\(result.errorText)")
        let report = try JSONDecoder().decode(Report.self, from: Data(result.text.utf8))
        #expect(report.operation == (words.count == 2 ? words[0] : "generate"))
        #expect(report.key == "k" && report.concurrency == 3 && report.errors.isEmpty)
        #expect(report.requests >= 3 && report.seconds >= 0.2)
        #expect(abs(Double(report.rate) - Double(report.requests) / report.seconds) <= 1)
        let latencies = try ["p50", "p90", "p99", "p99.9", "max"].map { try #require(report.latency_us[$0]) }
        #expect(latencies == latencies.sorted() && latencies[0] > 0)
    }

    @Test func aKeyThatIsNotThereIsSaidAtOnce() throws {
        let result = try kes("bench", "--duration", "1h", "nobody")
        #expect(result.code == 1)
        #expect(result.errorText == "Error: failed to generate with key 'nobody': key does not exist\n")
    }

    @Test(arguments: [
        ["k", "--concurrency", "0"], ["k", "--duration", "0s"], ["k", "--duration", "2h"], ["destroy", "k"],
        ["generate", "k", "l"],
    ])
    func wrongUseIsRefused(arguments: [String]) throws {
        let result = try run(kesPath(), ["bench"] + arguments, environment: cleaned(["KES_SERVER": server.endpoint]))
        #expect(result.code == 2)
    }
}
