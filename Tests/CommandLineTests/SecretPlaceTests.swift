import TestSupport
import Testing

/// API keys where identities belong: none of the program's messages may hold them.
@Suite struct SecretPlaceTests {
    private let deployment: Deployment
    /// What no message may contain: the secret without its prefix.
    private static let secret = String(Sample.apiKey.dropFirst("kes:v1:".count))

    init() throws {
        deployment = try Deployment()
    }

    private func expectNoSecret(_ result: CommandResult) {
        #expect(!(result.text + result.errorText).contains(Self.secret.prefix(20)), "\(result.text)\(result.errorText)")
    }

    @Test(arguments: [
        ("admin.identity", "admin: { identity: KEY }\ntls: { key: k, cert: c }\n", 1),
        (
            "policy.p.identities",
            "admin: { identity: disabled }\ntls: { key: k, cert: c }\npolicy: { p: { identities: [ KEY ] } }\n", 3
        ),
        (
            "tls.proxy.identities",
            "admin: { identity: disabled }\ntls:\n  key: k\n  cert: c\n  proxy: { identities: [ KEY ] }\n", 5
        ),
    ])
    func anAPIKeyInAFileIsAnErrorThatDoesNotShowIt(member: String, text: String, line: Int) throws {
        for key in [Sample.apiKey, Self.secret, String(Sample.apiKey.dropLast()), "${KEY}"] {
            let path = try deployment.directory.write(
                text.replacing("KEY", with: "'\(key)'") + "keystore: { mem: {} }\n", to: "config.yml")
            for arguments in [["--check"], []] {
                let result = try run(
                    kesPath(), ["server", "--config", path] + arguments, environment: cleaned(["KEY": Sample.apiKey]))
                #expect(result.code == 1)
                #expect(
                    result.errorText.contains(
                        ": an API key in '\(member)' where its identity belongs; it is secret: remove it from the file, and write what "
                            + "'kes identity of APIKEY' prints\n"), "\(result.errorText)")
                #expect(result.errorText.contains("\(path):\(line):"))
                expectNoSecret(result)
            }
        }
    }

    @Test func aReloadKeepsItOutOfTheLogAndSaysAllMistakesInOneLine() throws {
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment)
        try deployment.configure(keystore: "mem: {}", more: "polcy: {}")
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        try deployment.directory.write(
            text.replacing("\(deployment.user.identity)", with: "'\(Sample.apiKey)'"), to: "config.yml")
        server.process.signal(1)
        let line = try server.errorLine(containing: "the configuration was not reloaded")
        #expect(line.contains("the configuration is not valid: \(deployment.configuration):9:"), "\(line)")
        #expect(line.contains("'kes identity of APIKEY' prints; \(deployment.configuration):"), "\(line)")
        #expect(!line.contains("\\u{a}") && !line.contains(Self.secret.prefix(20)))
        #expect(server.stop() == 0)
    }

    /// Before anything is sent: nothing listens there.
    @Test(arguments: [
        ["policy", "assign", "p", Sample.apiKey], ["policy", "assign", Sample.apiKey, "p"], ["identity", "info", Sample.apiKey],
        ["policy", "show", Sample.apiKey], ["policy", "info", secret], ["policy", "rm", "p", Sample.apiKey],
        ["policy", "ls", Sample.apiKey], ["ls", "-p", Sample.apiKey],
        ["identity", "rm", Sample.apiKey], ["identity", "ls", secret], ["ls", "-i", Sample.apiKey],
    ])
    func noCommandSendsOrPrintsIt(arguments: [String]) throws {
        let result = try run(
            kesPath(), arguments, environment: cleaned(["KES_SERVER": "127.0.0.1:1", "KES_API_KEY": Sample.apiKey]))
        #expect(result.code == 2)
        #expect(result.errorText.contains("an API key where its identity belongs; it is secret"), "\(result.errorText)")
        expectNoSecret(result)
    }

    /// Neither is taken for an API key, but for the name of a file.
    @Test(arguments: [" \(Sample.apiKey)", Sample.apiKey.uppercased().prefix(7) + secret, "\"\(secret)\""])
    func aMistypedOneIsNoFileNameThatIsShown(source: String) throws {
        let result = try run(kesPath(), ["identity", "of", source])
        #expect(result.code == 1)
        #expect(result.errorText.contains("kes:v1:…: No such file or directory"), "\(result.errorText)")
        expectNoSecret(result)
    }

    @Test(arguments: [
        ["key", "create", "k", Sample.apiKey], ["key", "import", Sample.apiKey, "AAAA"], ["key", "info", Sample.apiKey],
        ["key", "rm", Sample.apiKey], ["key", "ls", Sample.apiKey], ["key", "encrypt", Sample.apiKey, "m"],
        ["key", "decrypt", Sample.apiKey, "AAAA"], ["key", "dek", Sample.apiKey], ["ls", Sample.apiKey],
        ["bench", Sample.apiKey],
        ["bench", Sample.apiKey, "k"],
    ])
    func norInThePlaceOfAKeysName(arguments: [String]) throws {
        let result = try run(
            kesPath(), arguments, environment: cleaned(["KES_SERVER": "127.0.0.1:1", "KES_API_KEY": Sample.apiKey]))
        #expect(result.code == 2)
        #expect(result.errorText.contains("an API key where the name of a key belongs; it is secret"), "\(result.errorText)")
        expectNoSecret(result)
    }

    @Test func norInThePlaceOfAServersName() throws {
        let result = try run(
            kesPath(), ["status", "--server", Sample.apiKey], environment: cleaned(["KES_API_KEY": Sample.apiKey]))
        #expect(result.code == 1)
        #expect(result.errorText == "Error: \"kes:v1:…\" is not an endpoint: it has to be HOST:PORT\n")
    }

    @Test func theOldFlagForTheAdministratorTakesNoneEither() throws {
        try deployment.configure(keystore: "mem: {}")
        let result = try kes("server", "--check", "--config", deployment.configuration, "--root", Sample.apiKey)
        #expect(result.code == 1)
        #expect(result.errorText.contains("--root: an API key where its identity belongs"))
        expectNoSecret(result)
    }
}
