import Glibc
import TestSupport
import Testing

/// What `kes init` made, put to work as its instructions say.
@Suite struct DeploymentTests {
    @Test(arguments: ["sqlite", "fs"])
    func aNewDeploymentServesKesAndCurlAndKeepsItsKeys(keystore: String) throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("a deployment")
        #expect(try kes("init", directory, "--keystore", keystore).code == 0)
        let key = String(decoding: try readFile("\(directory)/admin.api-key").dropLast(), as: UTF8.self)
        #expect(try kes("server", "--check", "--config", "\(directory)/config.yml").code == 0)

        for round in 0..<2 {
            let server = try StartedServer(["--config", "\(directory)/config.yml", "--addr", "127.0.0.1:0"])
            let environment = [
                "KES_SERVER": server.endpoint, "KES_API_KEY": key, "SSL_CERT_FILE": "\(directory)/server.crt",
            ]
            #expect(try kes("key", "create", "key-\(round)", environment: environment).code == 0)
            #expect(try kes("key", "ls", environment: environment).text == (0...round).map { "key-\($0)\n" }.joined())
            let curl = try run(
                "curl",
                [
                    "-sSf", "--cacert", "\(directory)/server.crt", "--cert", "\(directory)/admin.crt", "--key",
                    "\(directory)/admin.key", "\(server.endpoint)/v1/status",
                ])
            #expect(curl.code == 0, "\(curl.errorText)")
            #expect(curl.text.hasPrefix(#"{"version":""#))
            #expect(server.stop() == 0)
        }
    }
}

/// A `kes server` with arguments of the test's choice. It takes any free port.
final class StartedServer {
    let endpoint: String
    private let process: Subprocess

    struct NotStarted: Error {
        let text: String
    }

    init(_ arguments: [String]) throws {
        process = try Subprocess(kesPath(), ["server"] + arguments, environment: cleaned([:]))
        var text = ""
        while true {
            let bytes = process.readError()
            guard !bytes.isEmpty else { throw NotStarted(text: text) }
            text += String(decoding: bytes, as: UTF8.self)
            if let match = text.firstMatch(of: /https:\/\/127\.0\.0\.1:\d+\s/) {
                endpoint = String(match.output.dropLast())
                return
            }
        }
    }

    func stop() -> Int32 {
        process.signal(SIGTERM)
        _ = process.collect()
        return process.wait()
    }
}
