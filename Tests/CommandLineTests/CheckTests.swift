import Glibc
import TestSupport
import Testing

/// What `kes server --check` finds beyond the file's text.
@Suite struct CheckTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
    }

    private func check(_ arguments: String...) throws -> CommandResult {
        try run(
            kesPath(), ["server", "--check", "--config", deployment.configuration] + arguments, environment: cleaned([:]))
    }

    @Test(arguments: [
        ("postgres", "known are 'fs', 'mem', 'sqlite'"), ("sqllite", "did you mean 'sqlite'?"),
        ("vault", "known are 'fs', 'mem', 'sqlite'"),
    ])
    func aKeystoreThatIsNotThereIsAnErrorThatNamesThoseThatAre(name: String, known: String) throws {
        try deployment.configure(keystore: "\(name): { path: /nowhere }")
        for result in [try check(), try kes("server", "--config", deployment.configuration)] {
            #expect(result.code == 1 && result.output.isEmpty)
            #expect(
                result.errorText.contains("no plugin '\(name)' (\(known)): there is no \(name).yml in "), "\(result.errorText)")
        }
        #expect(try check().errorText.contains("\(deployment.configuration):11:3: 'keystore': no plugin"))
    }

    @Test func aPluginThatTheServerWouldRefuseIsAnError() throws {
        try deployment.configure(keystore: "own: {}")
        let directory = deployment.directory.file("plugins")
        try #require(mkdir(directory, 0o700) == 0)
        try deployment.directory.write("name: own\nlibrary: libown.so\n", to: "plugins/own.yml", mode: 0o600)
        let missing = try check("--plugins", directory)
        #expect(missing.code == 1 && missing.errorText.contains("there is no library 'libown.so'"), "\(missing.errorText)")
        try deployment.directory.write("no library", to: "plugins/libown.so", mode: 0o622)
        let untrusted = try check("--plugins", directory)
        #expect(untrusted.code == 1 && untrusted.errorText.contains("refusing \(directory)/libown.so"), "\(untrusted.errorText)")
        try deployment.directory.write("no library", to: "plugins/libown.so", mode: 0o600)
        let foreign = try check("--plugins", directory)
        #expect(foreign.code == 1 && foreign.errorText.contains("'keystore': refusing \(directory)/libown.so"))
    }

    @Test func theKeystoreIsNotOpened() throws {
        let path = deployment.directory.file("keys.db")
        try deployment.configure(keystore: "sqlite: { path: \(path) }")
        let result = try check()
        #expect(result.code == 0, "\(result.errorText)")
        #expect(access(path, F_OK) != 0)
    }

    /// libcrypto, which reads them for the check, knows all of these.
    @Test(arguments: [
        (["EC", "ec_paramgen_curve:secp256k1"], false), (["EC", "ec_paramgen_curve:secp224r1"], false), (["ED448"], false),
        (["RSA-PSS", "rsa_keygen_bits:2048"], false), (["EC", "ec_paramgen_curve:secp521r1"], true), (["ED25519"], true),
    ])
    func aKeyOfATypeThatTheServerCannotUseIsAnError(type: [String], isKnown: Bool) throws {
        try makeCertificate(type)
        try deployment.configure(keystore: "mem: {}", more: "api: { /v1/ready: { skip_auth: true } }")
        let result = try check()
        if isKnown {
            #expect(result.code == 0, "\(result.errorText)")
            #expect(try ServerProcess(deployment).curl("/v1/ready", as: nil).status == 200)
        } else {
            #expect(result.code == 1 && result.output.isEmpty)
            let error = "\(deployment.configuration):4:13: 'tls.key': "
            #expect(result.errorText.contains(error) && result.errorText.contains("RSA, ECDSA on P-256"), "\(result.errorText)")
        }
    }

    /// Its key is in the place of the server's.
    private func makeCertificate(_ type: [String]) throws {
        let (key, certificate) = (deployment.serverKey, deployment.serverCertificate)
        for arguments in [
            ["genpkey", "-out", key, "-algorithm", type[0]] + type.dropFirst().flatMap { ["-pkeyopt", $0] },
            [
                "req", "-x509", "-new", "-key", key, "-out", certificate, "-days", "30", "-subj", "/CN=x", "-addext",
                "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth",
            ],
        ] {
            let made = try run("openssl", arguments)
            try #require(made.code == 0, "\(made.errorText)")
        }
    }

    /// With 512 bits a server would start, and no client would talk to it.
    @Test(arguments: [(512, 1, "no client accepts"), (1024, 0, "many clients refuse less than 2048"), (2048, 0, "")])
    func shortRSAKeysAreToldOf(bits: Int, code: Int32, words: String) throws {
        try makeCertificate(["RSA", "rsa_keygen_bits:\(bits)"])
        try deployment.configure(keystore: "mem: {}")
        let result = try check()
        #expect(result.code == code)
        #expect(
            words.isEmpty
                ? result.errorText.isEmpty : result.errorText.contains("\(bits) bits") && result.errorText.contains(words))
        if code == 0 {
            let server = try ServerProcess(deployment)
            if !words.isEmpty { try server.errorLine(containing: "Warning: ") }
            #expect(server.stop() == 0)
        } else {
            let refused = #expect(throws: ServerProcess.NotStarted.self) { try ServerProcess(deployment) }
            #expect(refused?.errorText.contains(words) == true)
        }
    }

    @Test(arguments: [
        ("/v1/keys/create/*", "did you mean '/v1/key/create/*'?"), ("/v1/key/creat/my-*", "did you mean '/v1/key/create/my-*'?"),
        ("/v1/key/create", "did you mean '/v1/key/create/*'?"), ("/v1/key/create/", "did you mean '/v1/key/create/*'?"),
        ("/v1/status/", "did you mean '/v1/status'?"), ("/v1/log/audi", "did you mean '/v1/log/audit'?"),
        ("/v1/key/create/a/b", "the server lists its APIs when it starts"), ("/v2/*", "the server lists its APIs when it starts"),
        ("/v1/k*s/create/x", "did you mean '/v1/key/create/x'?"),
    ])
    func aPatternThatMatchesNoAPIIsPointedOut(pattern: String, advice: String) throws {
        try deployment.configure(keystore: "mem: {}", allow: [pattern])
        let result = try check()
        #expect(result.code == 0)
        #expect(
            result.errorText.contains("Warning: \(deployment.configuration):7:14: '\(pattern)' matches no API; \(advice)\n"),
            "\(result.errorText)")
    }

    @Test func patternsThatMatchSomethingAreNotPointedOut() throws {
        let patterns = [
            "*", "/*", "/v1*", "/v1/*", "/v1/key/*", "/v1/key/*/my-*", "/v1/*/create/x", "/v1/key/create/*",
            "/v1/key/create/app*x",
            "/v1/key/bulk/decrypt/*", "/v1/key/bulk/*", "/v1/key/list/", "/v1/key/list/*", "/v1/k*y/**", "/v1/metrics",
            "/v1/metrics*",
            "/version", "/v1/identity/self/describe", "/v1/log/*", "/v1/policy/*/*", "/*/*/*/*", "/v1/api", "/v1/key/dec*",
        ]
        try deployment.configure(keystore: "mem: {}", allow: patterns, deny: patterns)
        let result = try check()
        #expect(result.code == 0 && !result.errorText.contains("matches no"), "\(result.errorText)")
    }
}
