import TestSupport
import Testing

/// An API key that no server knows, and its identity.
enum Sample {
    static let apiKey = "kes:v1:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13Uzxfonw"
    static let identity = "3b1d55946b117cfe4a6274d6a9673225f8314dd546eff0e3fefaa069a93b66ca"
}

@Suite struct EnvironmentTests {
    @Test func withoutACredentialTheVariablesAreNamed() throws {
        let result = try kes("key", "ls")
        #expect(result.code == 1)
        #expect(
            result.errorText
                == "Error: no credential: set KES_API_KEY to an API key, or KES_CLIENT_KEY and KES_CLIENT_CERT to files\n")
    }

    @Test(arguments: [
        (["KES_API_KEY": Sample.apiKey, "KES_CLIENT_KEY": "k"], ["KES_API_KEY", "KES_CLIENT_KEY"]),
        (["MINIO_KES_API_KEY": Sample.apiKey, "MINIO_KES_CERT_FILE": "c"], ["MINIO_KES_API_KEY", "MINIO_KES_CERT_FILE"]),
        (["KES_API_KEY": Sample.apiKey, "KES_CLIENT_KEY": "k", "KES_CLIENT_CERT": "c"], ["KES_API_KEY", "KES_CLIENT_KEY"]),
        (["MINIO_KMS_KES_KEY_FILE": "k"], ["MINIO_KMS_KES_KEY_FILE", "KES_CLIENT_CERT"]),
        (["MINIO_KES_CLIENT_CERT": "c"], ["MINIO_KES_CLIENT_CERT", "KES_CLIENT_KEY"]),
    ])
    func contradictionsAndGapsAreErrorsThatNameTheVariables(environment: [String: String], named: [String]) throws {
        let result = try kes("key", "ls", environment: environment)
        #expect(result.code == 1)
        for name in named { #expect(result.errorText.contains(name)) }
        #expect(!result.errorText.contains("kes:v1:"))
    }

    // Nothing listens at port 1, so that the error says where `kes` tried to go. Whatever may listen at the default port does
    // not know the API key, and is only read from.
    @Test(arguments: [
        ([:], "127.0.0.1:7373"),
        (["MINIO_KMS_KES_ENDPOINT": "https://127.0.0.3:1/"], "127.0.0.3:1"),
        (["MINIO_KMS_KES_ENDPOINT": "127.0.0.3:1", "KES_SERVER": "127.0.0.2:1"], "127.0.0.2:1"),
        (["KES_SERVER": "127.0.0.2:1", "MINIO_KES_SERVER": "https://127.0.0.1:1"], "127.0.0.1:1"),
        (["KES_SERVER": "", "MINIO_KES_SERVER": "", "MINIO_KMS_KES_ENDPOINT": "127.0.0.4:1"], "127.0.0.4:1"),
    ])
    func theFirstServerVariableThatIsSetCounts(environment: [String: String], endpoint: String) throws {
        let result = try kes("key", "ls", environment: environment.merging(["KES_API_KEY": Sample.apiKey]) { $1 })
        #expect(result.code == 1)
        #expect(result.errorText.contains(endpoint))
    }

    private static let apiKeyNames = ["MINIO_KES_API_KEY", "KES_API_KEY", "MINIO_KMS_KES_API_KEY"]
    private static let keyNames = ["MINIO_KES_KEY_FILE", "KES_CLIENT_KEY", "MINIO_KES_CLIENT_KEY", "MINIO_KMS_KES_KEY_FILE"]
    private static let certificateNames = [
        "MINIO_KES_CERT_FILE", "KES_CLIENT_CERT", "MINIO_KES_CLIENT_CERT", "MINIO_KMS_KES_CERT_FILE",
    ]

    /// Each variable has a value of its own that is wrong, so that the error says which was taken.
    @Test(arguments: 0..<4) func theFirstVariableOfACredentialThatIsSetCounts(first: Int) throws {
        if first < 3 {
            let apiKeys = Self.apiKeyNames.enumerated().map { ($1, $0 < first ? "" : "no key") }
            let wrong = try kes("key", "ls", environment: Dictionary(uniqueKeysWithValues: apiKeys))
            #expect(wrong.errorText.hasPrefix("Error: \(Self.apiKeyNames[first]): API key is malformed"))
        }
        let keys = Self.keyNames.enumerated().map { ($1, $0 < first ? "" : "/nonexistent/key-\($0)") }
        let certificates = Self.certificateNames.enumerated().map { ($1, $0 < first ? "" : "/nonexistent/cert-\($0)") }
        let missing = try kes("key", "ls", environment: Dictionary(uniqueKeysWithValues: keys + certificates))
        #expect(missing.code == 1)
        #expect(
            missing.errorText.contains("/nonexistent/key-\(first)") || missing.errorText.contains("/nonexistent/cert-\(first)"))

        let directory = try TemporaryDirectory()
        let (key, certificate) = (directory.file("k"), directory.file("c"))
        #expect(try kes("identity", "new", "--key", key, "--cert", certificate).code == 0)
        var good = Dictionary(uniqueKeysWithValues: keys + certificates)
        good[Self.keyNames[first]] = key
        good[Self.certificateNames[first]] = certificate
        good["KES_SERVER"] = "127.0.0.1:1"
        #expect(try kes("key", "ls", environment: good).errorText.contains("cannot connect to 127.0.0.1:1"))
    }

    @Test func theFlagWinsOverTheVariables() throws {
        let result = try kes(
            "key", "ls", "-s", "127.0.0.5:1", "-a", Sample.apiKey,
            environment: ["MINIO_KES_SERVER": "127.0.0.1:1", "KES_CLIENT_KEY": "k", "KES_CLIENT_CERT": "c"])
        #expect(result.errorText.hasPrefix("Error: failed to list keys: cannot connect to 127.0.0.5:1"))
    }

    @Test func severalServersAreTriedInTurn() throws {
        let result = try kes(
            "key", "ls", environment: ["KES_SERVER": "127.0.0.2:1,https://127.0.0.3:1/", "KES_API_KEY": Sample.apiKey])
        #expect(result.code == 1)
        #expect(result.errorText.contains("no endpoint could be used: cannot connect to 127.0.0.2:1"))
        #expect(result.errorText.contains("; cannot connect to 127.0.0.3:1"))
    }

    @Test(arguments: ["http://127.0.0.1:1", "127.0.0.1:0", "127.0.0.1:x", "a b", ",", "[::1", "user@host:1", "host/path"])
    func whatIsNoServerIsAnError(server: String) throws {
        let result = try kes("key", "ls", environment: ["KES_SERVER": server, "KES_API_KEY": Sample.apiKey])
        #expect(result.code == 1)
        #expect(result.errorText.contains("is not an endpoint"))
    }

    @Test func aMalformedAPIKeyIsNotRepeated() throws {
        let result = try kes("key", "ls", environment: ["KES_API_KEY": "kes:v1:c2VjcmV0"])
        #expect(result.code == 1)
        #expect(result.errorText.hasPrefix("Error: KES_API_KEY: API key is malformed"))
        #expect(!result.errorText.contains("c2VjcmV0"))
    }

    @Test func filesThatCannotBeUsedAreNamed() throws {
        let directory = try TemporaryDirectory()
        let empty = try directory.write("", to: "empty")
        let missing = try kes("key", "ls", environment: ["KES_CLIENT_KEY": "/nonexistent/k", "KES_CLIENT_CERT": empty])
        #expect(missing.errorText == "Error: cannot read /nonexistent/k: No such file or directory\n")
        let wrong = try kes("key", "ls", environment: ["KES_CLIENT_KEY": empty, "KES_CLIENT_CERT": empty])
        #expect(wrong.errorText == "Error: \(empty) holds no PEM certificate\n")
        let trust = try kes(
            "key", "ls",
            environment: ["KES_API_KEY": Sample.apiKey, "SSL_CERT_FILE": "/nonexistent/ca", "KES_SERVER": "127.0.0.1:1"])
        #expect(
            trust.errorText == "Error: SSL_CERT_FILE names /nonexistent/ca, which cannot be read: No such file or directory\n")
    }

    @Test func theEnclaveFlagIsAcceptedAndIgnored() throws {
        let result = try kes(
            "key", "ls", "-e", "tenant", environment: ["KES_SERVER": "127.0.0.1:1", "KES_API_KEY": Sample.apiKey])
        #expect(result.errorText.hasPrefix("Error: failed to list keys: cannot connect to 127.0.0.1:1"))

        // Also where no server is called.
        for command in [["identity", "of"], ["identity"], ["tool", "identity", "of"]] {
            let identity = try run(kesPath(), command + ["-k", "-e", "tenant", Sample.apiKey], environment: cleaned([:]))
            #expect(identity.text == Sample.identity + "\n", "\(identity.errorText)")
        }
        #expect(try kes("identity", "new", "-k", "--enclave", "tenant", "--json").code == 0)
    }

    @Test func aKeyThatIsNotTheCertificatesIsAnErrorBeforeAnythingIsSent() throws {
        let directory = try TemporaryDirectory()
        for name in ["a", "b"] {
            #expect(
                try kes("identity", "new", "--key", directory.file("\(name).key"), "--cert", directory.file("\(name).crt")).code
                    == 0)
        }
        let environment = ["KES_SERVER": "127.0.0.1:1", "KES_CLIENT_KEY": "a.key", "MINIO_KES_CERT_FILE": "b.crt"]
        let result = try kes("key", "ls", environment: environment, directory: directory.path)
        #expect(result.code == 1)
        #expect(
            result.errorText
                == "Error: KES_CLIENT_KEY (a.key) is not the key of MINIO_KES_CERT_FILE (b.crt): name the key that the certificate was made for\n"
        )
    }

    /// Nor is one of several, and then nothing is sent: there is no server here.
    @Test(arguments: [["create"], ["create", "a"], ["info"], ["rm"], ["rm", "a"], ["dek"]])
    func aNameWithASlashIsNoPath(command: [String]) throws {
        let environment = ["KES_SERVER": "127.0.0.1:1", "KES_API_KEY": Sample.apiKey]
        let result = try run(kesPath(), ["key"] + command + ["my/key"], environment: cleaned(environment))
        #expect(result.code == 1)
        #expect(
            result.errorText.hasSuffix(": key name 'my/key' is empty, too long or contains invalid characters\n"),
            "\(result.errorText)")
    }
}
