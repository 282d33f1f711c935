import Foundation
import Glibc
import TestSupport
import Testing

/// `--json` of every command that calls a server: JSON when it succeeds, and nothing but an error on standard error when it does not.
@Suite struct JSONOutputTests {
    private static let other = String(repeating: "ab", count: 32)

    /// In an order in which each finds what it needs. FILE stands for a policy's file.
    private static let commands: [[String]] = [
        ["key", "create", "k"], ["key", "import", "i", String(repeating: "A", count: 43) + "="], ["key", "info", "k"],
        ["key", "ls"],
        ["key", "encrypt", "k", "aGVsbG8="], ["key", "dek", "k"], ["ls"], ["policy", "create", "p", "FILE"],
        ["policy", "info", "p"],
        ["policy", "show", "p"], ["policy", "ls"], ["policy", "assign", "p", other], ["identity", "info"],
        ["identity", "info", other],
        ["identity", "ls"], ["ls", "-i"], ["ls", "-p"], ["identity", "rm", other], ["policy", "rm", "p"], ["status"],
        ["status", "-s"],
        ["status", "--api"], ["key", "rm", "k", "i"],
    ]

    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        try deployment.directory.write(#"{"allow":{"/v1/status":{}}}"#, to: "policy.json")
    }

    private func kes(_ command: [String], server: String, as client: Deployment.Client) throws -> CommandResult {
        let words = command.map { $0 == "FILE" ? deployment.directory.file("policy.json") : $0 }
        return try run(
            kesPath(), words + ["--json"],
            environment: cleaned([
                "KES_SERVER": server, "KES_API_KEY": client.apiKey, "SSL_CERT_FILE": deployment.serverCertificate,
            ]))
    }

    private func expectError(_ result: CommandResult, _ command: [String], _ problem: String) {
        #expect(result.code == 1 && result.output.isEmpty, "\(command): \(result.text)")
        #expect(result.errorText.hasPrefix("Error: failed to ") && result.errorText.contains(problem), "\(result.errorText)")
        #expect(result.errorText.split(separator: "\n").count == 1, "\(result.errorText)")
    }

    @Test func everyCommandPrintsJSONOrAnErrorAlone() throws {
        let server = try ServerProcess(deployment)
        for command in Self.commands {
            let result = try kes(command, server: server.endpoint, as: deployment.admin)
            #expect(result.code == 0 && result.error.isEmpty, "\(command): \(result.errorText)")
            // One for each key that is removed.
            let lines = result.text.split(separator: "\n")
            #expect(!lines.isEmpty, "\(command)")
            for line in lines {
                #expect(throws: Never.self, "\(command): \(line)") { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
            }
            // Whoever is in no policy has no identity that the server could describe.
            expectError(
                try kes(command, server: server.endpoint, as: deployment.stranger), command,
                command == ["identity", "info"] ? "identity does not exist" : "not authorized: insufficient permissions")
        }
        let endpoint = server.endpoint
        #expect(server.stop() == 0)
        for command in Self.commands {
            expectError(try kes(command, server: endpoint, as: deployment.admin), command, "connection refused")
        }
    }
}
