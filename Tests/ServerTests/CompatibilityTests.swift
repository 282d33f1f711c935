import Credentials
import Foundation
import Glibc
import TestSupport
import Testing

/// What clients and files of KES rely on and no other test shows.
@Suite struct CompatibilityTests {
    private let deployment: Deployment
    private var admin: Deployment.Client { deployment.admin }

    init() throws {
        deployment = try Deployment()
    }

    private func start(_ more: String = "", keystore: String = "mem: {}") throws -> ServerProcess {
        try deployment.configure(keystore: keystore, more: more)
        return try ServerProcess(deployment)
    }

    private func put(_ path: String, _ body: String, _ server: ServerProcess) throws -> (Int, String) {
        let answer = try server.curl(path, as: admin, ["-X", "PUT", "--data-binary", "@-"], input: Array(body.utf8))
        return (answer.status, answer.body)
    }

    /// MinIO servers present Ed25519 certificates; others come from any authority.
    @Test(arguments: ["ed25519", "ec:prime256v1", "ec:secp384r1", "rsa:2048"], ["1.2", "1.3"])
    func certificatesOfEveryUsualKindGetIn(kind: String, version: String) throws {
        let server = try start()
        let parts = kind.split(separator: ":").map(String.init)
        let options = parts[0] == "ec" ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:\(parts[1])"] : ["-newkey", kind]
        let made = try run(
            "openssl",
            ["req", "-x509"] + options + [
                "-nodes", "-keyout", "kind.key", "-out", "kind.crt", "-subj", "/CN=kind", "-addext",
                "basicConstraints=critical,CA:FALSE",
            ], directory: deployment.directory.path)
        try #require(made.code == 0, "\(made.errorText)")
        let client = Deployment.Client(
            identity: admin.identity, apiKey: "", certificate: deployment.directory.file("kind.crt"),
            key: deployment.directory.file("kind.key"))
        #expect(try server.curl("/version", as: client, ["--tlsv\(version)", "--tls-max", version]).status == 200)
    }

    /// With a certificate that the older versions could use, so that nothing but the version is in the way.
    @Test(arguments: ["1", "1_1", "1_2"]) func olderVersionsOfTLSAreRefused(version: String) throws {
        let server = try start()
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "old.key",
                "-out",
                "old.crt", "-subj", "/CN=old", "-addext", "basicConstraints=critical,CA:FALSE",
            ], directory: deployment.directory.path)
        try #require(made.code == 0, "\(made.errorText)")
        let result = try run(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(server.port)", "-tls\(version)", "-cipher", "ALL:@SECLEVEL=0", "-cert",
                "old.crt",
                "-key", "old.key",
            ], directory: deployment.directory.path)
        // The same with the oldest version that is allowed shows that only the version decides.
        #expect((result.code == 0) == (version == "1_2"), "\(result.errorText)")
        #expect(result.errorText.contains("alert protocol version") == (version != "1_2"), "\(result.errorText)")
    }

    /// In both forms that openssl writes (PKCS #8, and OpenSSL's own of old).
    @Test(arguments: [["pkcs8", "-topk8", "-v2", "aes-256-cbc"], ["ec", "-aes256"]])
    func anEncryptedPrivateKeyIsUsedWithItsPassword(command: [String]) throws {
        let encrypted = try run(
            "openssl", command + ["-in", "server.key", "-out", "encrypted.key", "-passout", "pass:correct hörse"],
            directory: deployment.directory.path)
        try #require(encrypted.code == 0, "\(encrypted.errorText)")
        try deployment.configure(keystore: "mem: {}")
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        for (password, starts) in [("correct hörse", true), ("wrong", false)] {
            try deployment.directory.write(
                text.replacing("server.key,", with: "encrypted.key, password: \"${TLS_PASSWORD}\","), to: "config.yml")
            let environment = ["TLS_PASSWORD": password]
            if starts {
                let server = try ServerProcess(deployment, environment: environment)
                #expect(try server.curl("/v1/ready", as: admin).status == 200)
            } else {
                let error = #expect(throws: ServerProcess.NotStarted.self) {
                    try ServerProcess(deployment, environment: environment)
                }
                #expect(error?.errorText.contains("password") == true && error?.errorText.contains("wrong\n") == false)
            }
        }
    }

    @Test func importsTakeEverySpellingAndSayWhatTheyDoNot() throws {
        let server = try start()
        let key = Data(repeating: 7, count: 32).base64EncodedString()
        for (cipher, algorithm) in [
            ("AES256", "AES256"), ("AES256-GCM_SHA256", "AES256"), ("ChaCha20", "ChaCha20"), ("XCHACHA20-POLY1305", "ChaCha20"),
        ] {
            let name = cipher.replacing("-", with: "_")
            #expect(try put("/v1/key/import/\(name)", #"{"key":"\#(key)","cipher":"\#(cipher)"}"#, server).0 == 200)
            let text = try server.curl("/v1/key/describe/\(name)", as: admin).body
            #expect(text.contains(#""algorithm":"\#(algorithm)""#))
        }
        #expect(
            try put("/v1/key/import/x", #"{"key":"\#(key)","cipher":"DES"}"#, server)
                == (406, #"{"message":"algorithm 'DES' is not supported"}"#))
        #expect(
            try put("/v1/key/import/x", #"{"key":"AAAA","cipher":"AES256"}"#, server)
                == (406, #"{"message":"invalid key size for 'AES256'"}"#))
        #expect(
            try put("/v1/key/import/AES256", #"{"key":"\#(key)","cipher":"AES256"}"#, server)
                == (400, #"{"message":"key already exists"}"#))
    }

    @Test func bulkRequestsHaveAThousandEntriesAtMost() throws {
        let server = try start()
        #expect(try put("/v1/key/create/bulk", "", server).0 == 200)
        let made = try put("/v1/key/encrypt/bulk", #"{"plaintext":"aGVsbG8="}"#, server).1
        let entry = #"{"ciphertext":"\#(try #require(member("ciphertext", of: made)))"}"#
        func body(_ count: Int) -> String { "[\([String](repeating: entry, count: count).joined(separator: ","))]" }
        let (status, text) = try put("/v1/key/bulk/decrypt/bulk", body(1000), server)
        #expect(status == 200)
        let plaintexts: String = [String](repeating: #"{"plaintext":"aGVsbG8="}"#, count: 1000).joined(separator: ",")
        #expect(text == "[\(plaintexts)]")
        #expect(try put("/v1/key/bulk/decrypt/bulk", body(1001), server) == (400, #"{"message":"invalid request body"}"#))
        // One that does not decrypt fails the call.
        let spoilt = #"[\#(entry),{"ciphertext":"AAAA"}]"#
        #expect(
            try put("/v1/key/bulk/decrypt/bulk", spoilt, server)
                == (400, #"{"message":"decryption failed: ciphertext is not authentic"}"#))
    }

    /// Entries of old servers have no key for HMAC, and files may lie there that hold no key.
    @Test func entriesOfOldServersAreUsed() throws {
        #expect(mkdir(deployment.directory.file("keys"), 0o700) == 0)
        let key = Data(repeating: 9, count: 32).base64EncodedString()
        try deployment.directory.write(#"{"bytes":"\#(key)","algorithm":"AES256-GCM_SHA256"}"#, to: "keys/old")
        try deployment.directory.write("nonsense", to: "keys/broken")
        let server = try start(keystore: "fs: { path: \(deployment.directory.file("keys")) }")
        #expect(try put("/v1/key/generate/old", "{}", server).0 == 200)
        #expect(
            try put("/v1/key/hmac/old", #"{"message":"AAAA"}"#, server) == (409, #"{"message":"key does not support HMAC"}"#))
        #expect(try put("/v1/key/generate/broken", "{}", server) == (502, #"{"message":"failed to read key"}"#))
        let line = try server.errorLine(containing: "failed to read key 'broken'")
        #expect(!line.contains("nonsense"))
        #expect(try put("/v1/key/generate/none", "{}", server) == (404, #"{"message":"key does not exist"}"#))
        let gone = try server.curl("/v1/key/delete/none", as: admin, ["-X", "DELETE"])
        #expect(gone.status == 404 && gone.body == #"{"message":"key does not exist"}"#)
    }

    @Test func theTableOfTheAPIHasLimitsAndTimeoutsAndIsSorted() throws {
        let server = try start(
            "api: { /v1/ready: { timeout: 6001ms }, /v1/key/create: { timeout: 0s }, /v1/key/list: { timeout: 2562047h47m16.8s } }"
        )
        let body = try server.curl("/v1/api", as: admin).body
        let table = try #require(JSONSerialization.jsonObject(with: Data(body.utf8)) as? [[String: Any]])
        let rows = table.map { row -> String in
            ["method", "path", "max_body", "timeout"].map { "\(row[$0] ?? "")" }.joined(separator: " ")
        }
        let expected: [String] = [
            "GET /v1/api 0 10", "DELETE /v1/identity/delete/ 0 15", "GET /v1/identity/describe/ 0 15",
            "GET /v1/identity/list/ 0 15", "GET /v1/identity/self/describe 0 15", "PUT /v1/key/bulk/decrypt/ 1048576 15",
            "PUT /v1/key/create/ 0 0", "PUT /v1/key/decrypt/ 1048576 15", "DELETE /v1/key/delete/ 0 15",
            "GET /v1/key/describe/ 0 15", "PUT /v1/key/encrypt/ 1048576 15", "PUT /v1/key/generate/ 1048576 15",
            "PUT /v1/key/hmac/ 1048576 15", "PUT /v1/key/import/ 1048576 15", "GET /v1/key/list/ 0 9223372037",
            "GET /v1/log/audit 0 0", "GET /v1/log/error 0 0", "GET /v1/metrics 0 15", "PUT /v1/policy/assign/ 1024 15",
            "DELETE /v1/policy/delete/ 0 15", "GET /v1/policy/describe/ 0 15", "GET /v1/policy/list/ 0 15",
            "GET /v1/policy/read/ 0 15", "PUT /v1/policy/write/ 1048576 15", "GET /v1/ready 0 7", "GET /v1/status 0 15",
            "GET /version 0 10",
        ]
        #expect(rows == expected)
    }

    /// One file of each kind that deployments of KES have. Each starts as it is, and serves.
    @Test(arguments: [
        "", "policy: { app: { allow: [ \"/v1/key/*/my-*\" ], deny: [ /v1/key/delete/* ], identities: [ \"${APP}\" ] } }",
        "api: { /v1/ready: { skip_auth: true, timeout: 15s }, /v1/metrics: { skip_auth: on } }",
        "cache: { expiry: { any: 5m0s, unused: 20s, offline: 1h30m } }", "log: { error: WARN, audit: \"off\" }",
        "keys: [ { name: my-key }, { name: my-other-key } ]",
    ])
    func filesOfKESStartUnchanged(section: String) throws {
        #expect(mkdir(deployment.directory.file("keys"), 0o700) == 0)
        for proxy in ["", "\n  proxy: { identities: [ \"${PROXY}\" ], header: { cert: X-Tls-Client-Cert } }"] {
            try deployment.directory.write(
                """
                version: v1
                address: ${ADDRESS}
                admin:
                  identity: ${ADMIN}
                tls:
                  key: \(deployment.serverKey)
                  cert: \(deployment.serverCertificate)
                  password: ""
                  auth: off\(proxy)
                \(section)
                keystore:
                  fs: { path: \(deployment.directory.file("keys")) }
                """, to: "config.yml")
            let server = try ServerProcess(
                deployment,
                environment: [
                    "ADDRESS": "127.0.0.1:0", "ADMIN": "\(admin.identity)", "APP": "\(deployment.user.identity)",
                    "PROXY": "\(deployment.stranger.identity)",
                ])
            #expect(try server.curl("/v1/ready", as: admin).status == 200)
            // The second server finds the key of the first.
            #expect(try server.curl("/v1/key/create/my-own", as: admin, ["-X", "PUT"]).status == (proxy.isEmpty ? 200 : 400))
            #expect(server.stop() == 0)
        }
    }

    @Test func whatIsWrongIsRefusedWithItsPlace() throws {
        try deployment.configure(keystore: "mem: {}", more: "polcy: {}")
        let check = try run(kesPath(), ["server", "--check", "--config", deployment.configuration])
        #expect(check.code == 1)
        #expect(check.errorText.contains("\(deployment.configuration):12:1: unknown member 'polcy'; did you mean 'policy'?"))
        let started = #expect(throws: ServerProcess.NotStarted.self) { try ServerProcess(deployment) }
        #expect(started?.code == 1)
        try deployment.configure(keystore: "mem: {}")
        #expect(try run(kesPath(), ["server", "--check", "--config", deployment.configuration]).code == 0)
    }

    /// A server whose keystore answers when the test lets it, and a request that waits for that: `gate` is to be closed.
    private func startAndRequest() throws -> (server: ServerProcess, request: Subprocess, gate: Int32) {
        let plugins = try TemporaryDirectory("keswick-plugin")
        let pipe = plugins.file("gate")
        try #require(mkfifo(pipe, 0o600) == 0)
        try compileKeystore("piped", definitions: ["GATE_PIPE=\"\(pipe)\""], into: plugins)
        let server = try start(
            "plugins: { directory: \(plugins.path) }\ncache: { expiry: { any: 1ns, unused: 1ns } }", keystore: "piped: {}")
        #expect(try server.curl("/v1/key/create/piped-key", as: admin, ["-X", "PUT"]).status == 200)
        let request = try Subprocess(
            "curl",
            [
                "-sS", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", deployment.serverCertificate,
                "--cert", admin.certificate, "--key", admin.key, "\(server.endpoint)/v1/key/describe/piped-key",
            ])
        // Returns when the keystore reads, and so the request is in flight.
        let gate = open(pipe, O_WRONLY | O_CLOEXEC)
        try #require(gate >= 0)
        return (server, request, gate)
    }

    @Test(arguments: [SIGINT, SIGTERM]) func signalsStopTheServerAfterTheRequestsInFlight(signal: Int32) throws {
        let (server, request, gate) = try startAndRequest()
        server.process.signal(signal)
        // It takes no more connections: it has understood.
        while try server.curl("/version", as: admin).code == 0 {}
        // Supervisors that signal a process and its group send two of this one.
        if signal == SIGTERM { server.process.signal(SIGTERM) }
        #expect(!server.process.hasEnded && !request.hasEnded)
        close(gate)
        #expect(String(decoding: request.collect().output, as: UTF8.self) == "200")
        #expect(server.process.wait() == 0)
    }

    @Test func aSecondInterruptEndsTheServerAtOnce() throws {
        let (server, request, gate) = try startAndRequest()
        defer { close(gate) }
        server.process.signal(SIGTERM)
        while try server.curl("/version", as: admin).code == 0 {}
        server.process.signal(SIGINT)
        #expect(server.process.wait() == -SIGINT)
        #expect(request.wait() != 0)
    }

    /// It has 10 seconds, and the keystore, which would not let it, has 5.
    @Test func aRequestThatNeverEndsDoesNotKeepTheServerFromEnding() throws {
        let (server, request, gate) = try startAndRequest()
        defer { close(gate) }
        #expect(server.stop() == 0)
        #expect(String(decoding: request.collect().output, as: UTF8.self) != "200")
    }
}
