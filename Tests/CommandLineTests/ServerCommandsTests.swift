import Glibc
import TestSupport
import Testing

/// The commands that call a server, against one with keys in memory.
@Suite struct ServerCommandsTests {
    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
    }

    private func environment(_ client: Deployment.Client? = nil) -> [String: String] {
        [
            "KES_SERVER": server.endpoint, "KES_API_KEY": (client ?? server.deployment.admin).apiKey,
            "SSL_CERT_FILE": server.deployment.serverCertificate,
        ]
    }

    private func kes(_ arguments: String..., as client: Deployment.Client? = nil) throws -> CommandResult {
        try run(kesPath(), arguments, environment: cleaned(environment(client)))
    }

    @Test func keysAreMadeListedDescribedAndDeleted() throws {
        let created = try kes("key", "create", "b", "a")
        #expect(created.code == 0 && created.output.isEmpty && created.error.isEmpty)
        #expect(try kes("key", "ls").text == "a\nb\n")
        #expect(try kes("key", "ls", "--json").text == "[\"a\",\"b\"]\n")
        #expect(try kes("key", "ls", "b*").text == "b\n")
        #expect(try kes("ls", "a").text == "a\n")
        #expect(try kes("key", "ls", "x", "--json").text == "[]\n")
        #expect(try kes("key", "ls", "x").text == "")

        let identity = server.deployment.admin.identity
        let info = try kes("key", "info", "a").text
        let form = /\{"name":"a","algorithm":"(AES256|ChaCha20)","created_at":"[0-9T:.-]+Z","created_by":"([0-9a-f]{64})"\}\n/
        #expect(try #require(info.wholeMatch(of: form)).output.2 == identity.description)

        let removed = try kes("key", "rm", "a", "b")
        #expect(removed.code == 0 && removed.output.isEmpty && removed.error.isEmpty)
        #expect(try kes("key", "ls").text == "")
    }

    @Test func theServersMessageSaysWhatWentWrongWithWhichKey() throws {
        let exists = try kes("key", "create", "a", "b", "a", "c")
        #expect(exists.code == 1)
        #expect(exists.errorText == "Error: failed to create key 'a': key already exists\n")
        // What came before stays, what comes after is not tried.
        #expect(try kes("key", "ls").text == "a\nb\n")
        #expect(try kes("key", "rm", "x").errorText == "Error: failed to delete key 'x': key does not exist\n")
        #expect(try kes("key", "info", "x").errorText == "Error: failed to describe key 'x': key does not exist\n")
        let stranger = try kes("key", "ls", as: server.deployment.stranger)
        #expect(stranger.code == 1)
        #expect(stranger.errorText == "Error: failed to list keys: not authorized: insufficient permissions\n")
    }

    @Test func cryptographyPrintsJSONWithoutALineEnd() throws {
        #expect(try kes("key", "create", "k").code == 0)
        let encrypted = try kes("key", "encrypt", "k", "Hello World!").text
        let ciphertext = try #require(encrypted.wholeMatch(of: /\{"ciphertext":"([A-Za-z0-9+\/=]+)"\}/)).output.1
        #expect(try kes("key", "decrypt", "k", String(ciphertext)).text == #"{"plaintext":"SGVsbG8gV29ybGQh"}"#)

        let context = "Y29udGV4dA=="
        let dataKey = try kes("key", "dek", "k", context).text
        let parts = try #require(
            dataKey.wholeMatch(of: /\{"plaintext":"([A-Za-z0-9+\/]{43}=)","ciphertext":"([A-Za-z0-9+\/=]+)"\}/)
        ).output
        #expect(try kes("key", "decrypt", "k", String(parts.2), context).text == #"{"plaintext":"\#(parts.1)"}"#)
        let wrong = try kes("key", "decrypt", "k", String(parts.2))
        #expect(wrong.code == 1 && wrong.output.isEmpty)
        #expect(wrong.errorText == "Error: failed to decrypt with key 'k': decryption failed: ciphertext is not authentic\n")
        #expect(try kes("key", "decrypt", "k", "%%%").errorText == "Error: the ciphertext is not base64\n")
        #expect(try kes("key", "dek", "k", "x").errorText == "Error: the context is not base64\n")
    }

    @Test func anImportedKeyIsTheOneThatWasGiven() throws {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        #expect(try kes("key", "import", "a", key).code == 0)
        let encrypted = try kes("key", "encrypt", "a", "x").text
        #expect(try kes("key", "import", "b", key).code == 0)
        let ciphertext = try #require(encrypted.firstMatch(of: /:"([^"]+)"/)).output.1
        #expect(try kes("key", "decrypt", "b", String(ciphertext)).text == #"{"plaintext":"eA=="}"#)
        for wrong in ["AAEC", "no base64", ""] {
            #expect(try kes("key", "import", "c", wrong).errorText == "Error: the key has to be 32 bytes in base64\n")
        }
    }

    @Test func aTerminalGetsLinesWithLabels() throws {
        #expect(try kes("key", "create", "k").code == 0)
        for (arguments, expected) in [
            (["key", "create", "new"], "Created key new\r\n"), (["key", "info", "k"], "Name        k\r\n"),
            (["key", "dek", "k"], "Plaintext   "), (["key", "encrypt", "k", "m"], "Ciphertext  "), (["status"], "Keystore    "),
            (["status", "-s"], "● 127.0.0.1:"), (["identity", "info"], "Role        administrator\r\n"), (["ls"], "k\r\n"),
            (["key", "rm", "k"], "Deleted key k\r\n"),
        ] {
            let terminal = try KesOnTerminal(arguments + ["--color", "never"], environment: environment())
            #expect(terminal.finish() == 0)
            #expect(terminal.shown.contains(expected), "\(arguments): \(terminal.shown)")
            #expect(!terminal.shown.contains("\u{1b}"))
        }
    }

    @Test func theStatusInJSONHasTheMembersOfTheAPI() throws {
        let form =
            /\{"version":"[^"]+","os":"linux","arch":"[^"]+","uptime":\d+,"num_cpu":\d+,"num_cpu_used":\d+,"mem_heap_used":\d+,"mem_stack_used":\d+,"keystore_latency":\d+\}\n/
        #expect(try kes("status").text.wholeMatch(of: form) != nil)
        #expect(try kes("status", "--json").text.wholeMatch(of: form) != nil)
        #expect(try kes("status", "-s").text.wholeMatch(of: /\{"version":"[^"]+","keystore_latency":\d+\}\n/) != nil)
        #expect(
            try kes("status", "--api").text.contains(
                #""apis":[{"method":"GET","path":"/v1/api","max_body":0,"timeout":10},"#))
        #expect(try kes("status", "--server", "127.0.0.1:1").code == 1)
    }

    @Test func whoTheCallerIsIsToldWithoutAnArgument() throws {
        let admin = server.deployment.admin.identity
        #expect(try kes("identity", "info").text.hasPrefix(#"{"identity":"\#(admin)","admin":true,"created_at":""#))
        let user = try kes("identity", "info", as: server.deployment.user).text
        #expect(user.hasPrefix(#"{"identity":"\#(server.deployment.user.identity)","policy":"user","created_at":""#))
        #expect(user.hasSuffix(#""created_by":"\#(admin)"}"# + "\n"))
    }

    @Test func filesWorkInsteadOfAnAPIKey() throws {
        let (user, deployment) = (server.deployment.user, server.deployment)
        let environment = [
            "MINIO_KES_SERVER": server.endpoint, "MINIO_KES_KEY_FILE": user.key, "MINIO_KES_CERT_FILE": user.certificate,
            "SSL_CERT_FILE": deployment.serverCertificate,
        ]
        #expect(try run(kesPath(), ["key", "create", "k"], environment: cleaned(environment)).code == 0)
        #expect(try kes("key", "info", "k").text.contains(#""created_by":"\#(user.identity)""#))
    }

    @Test func anEncryptedKeyFileIsAskedForItsPassword() throws {
        let directory = server.deployment.directory
        let encrypted = directory.file("encrypted.key")
        let user = server.deployment.user
        #expect(
            try run(
                "openssl",
                ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", user.key, "-out", encrypted, "-passout", "pass:correct horse"]
            ).code == 0)
        let environment = [
            "KES_SERVER": server.endpoint, "KES_CLIENT_KEY": encrypted, "KES_CLIENT_CERT": user.certificate,
            "SSL_CERT_FILE": server.deployment.serverCertificate,
        ]
        let terminal = try KesOnTerminal(["identity", "info", "--json"], environment: environment)
        #expect(terminal.wait(for: "Password for \(encrypted): "))
        terminal.type("correct horse\n")
        #expect(terminal.finish() == 0)
        #expect(terminal.shown.contains(user.identity.description))

        let wrong = try KesOnTerminal(["key", "ls"], environment: environment)
        #expect(wrong.wait(for: "Password for "))
        wrong.type("wrong\n")
        #expect(wrong.finish() == 1)
        #expect(wrong.shown.contains("or the password is wrong"))
    }

    @Test func anUntrustedServerIsReportedWithWhatHelps() throws {
        var untrusting = environment()
        untrusting["SSL_CERT_FILE"] = nil
        let refused = try run(kesPath(), ["key", "ls"], environment: cleaned(untrusting))
        #expect(refused.code == 1)
        #expect(refused.errorText.contains("is not trusted by this client"))
        #expect(try run(kesPath(), ["key", "ls", "-k"], environment: cleaned(untrusting)).code == 0)
        let byDirectory = untrusting.merging(["SSL_CERT_DIR": "/nonexistent:\(server.deployment.directory.path)"]) { $1 }
        #expect(try run(kesPath(), ["key", "ls"], environment: cleaned(byDirectory)).code == 0)
        let other = untrusting.merging(["SSL_CERT_FILE": server.deployment.user.certificate]) { $1 }
        #expect(try run(kesPath(), ["key", "ls"], environment: cleaned(other)).code == 1)
    }

    @Test func theNextServerIsCalledWhenOneIsDown() throws {
        var environment = environment()
        environment["KES_SERVER"] = "127.0.0.1:1,\(server.endpoint)"
        #expect(try run(kesPath(), ["key", "create", "k"], environment: cleaned(environment)).code == 0)
        #expect(try kes("key", "ls").text == "k\n")
    }

    @Test func completionAndVersionNeedNoServer() throws {
        #expect(server.stop() == 0)
        #expect(try kes("--version").code == 0)
        #expect(try kes("key", "ls").errorText.contains("cannot connect to"))
    }

    /// As every program does whose reader has enough.
    @Test(arguments: ["metric --rate 100ms | head -n 2", "log | head -n 2"]) func whatNobodyReadsAnyMoreEndsSilently(
        command: String
    ) throws {
        // `log` needs something to tell.
        let script = """
            set -o pipefail
            (while "$KES" key ls >/dev/null; do :; done) & requests=$!
            "$KES" \(command)
            code=$?
            kill $requests
            exit $code
            """
        let environment = server.environment(for: server.deployment.admin).merging(["KES": kesPath()]) { $1 }
        let result = try run("bash", ["-c", script], environment: environment)
        #expect(result.code == 128 + SIGPIPE && result.error.isEmpty, "\(result.code) \(result.errorText)")
        #expect(result.text.split(separator: "\n").count == 2)
    }
}
