import Credentials
import KESClient
import SecureBytes
import TestSupport
import Testing

extension HTTPVersionPreference {
    static var all: [HTTPVersionPreference] { [.automatic, .http1] }
}

@Suite struct CallTests {
    @Test func aClientThatWasLentMakesNoCallsAfterwards() async throws {
        let server = try RunningServer()
        var kept: [KESClient] = []
        try await server.withClient { client in
            _ = try await client.version()
            kept.append(client)
        }
        await #expect(throws: CancellationError.self) {
            try await server.withClient { client in
                _ = try await client.version()
                kept.append(client)
                throw CancellationError()
            }
        }
        #expect(kept.count == 2)
        for client in kept { await #expect(throws: KESError.clientShutDown) { try await client.version() } }
    }

    /// The ways to say that a call has all the time that there is.
    @Test(arguments: [Duration.seconds(Int64.max), .seconds(Int64.max) + .milliseconds(999), .nanoseconds(Int64.max)])
    func aTimeLimitMayBeAsLongAsItLikes(limit: Duration) async throws {
        let server = try RunningServer()
        let client = try KESClient(
            endpoints: [server.endpoint], credential: .apiKey(APIKey(server.deployment.admin.apiKey)),
            trust: .certificateFile(server.deployment.serverCertificate), timeout: limit)
        #expect(try await client.closing { try await $0.version().version }.isEmpty == false)
    }

    @Test(arguments: HTTPVersionPreference.all)
    func aKeyIsMadeDescribedListedAndDeleted(version: HTTPVersionPreference) async throws {
        let server = try RunningServer()
        try await server.withClient(version: version) { client in
            try await client.createKey("my-key")
            let key = try await client.describeKey("my-key")
            #expect(key.name == "my-key")
            #expect(["AES256", "ChaCha20"].contains(key.algorithm))
            #expect(key.createdBy == server.deployment.admin.identity.description)
            #expect(try await client.listKeys().all() == ["my-key"])
            try await client.deleteKey("my-key")
            #expect(try await client.listKeys().all().isEmpty)
        }
    }

    @Test(arguments: HTTPVersionPreference.all)
    func whatWasEncryptedIsDecryptedInItsContextOnly(version: HTTPVersionPreference) async throws {
        let server = try RunningServer()
        try await server.withClient(version: version) { client in
            try await client.createKey("k")
            let context = Array("context".utf8)
            // Longer than the windows of HTTP/2 and the buffers of HTTP/1.1.
            for plaintext in [[], [0x7b], [UInt8](repeating: 0xa5, count: 500_000)] {
                let ciphertext = try await client.encrypt("k", plaintext: secret(plaintext), context: context)
                #expect(ciphertext.count == plaintext.count + 44)
                #expect(try await client.decrypt("k", ciphertext: ciphertext, context: context).array == plaintext)
                let error = await failure { try await client.decrypt("k", ciphertext: ciphertext) }
                #expect(error == .notAuthentic)
                #expect(error == .server(status: 400, message: "decryption failed: ciphertext is not authentic"))
            }
        }
    }

    @Test(arguments: HTTPVersionPreference.all)
    func dataKeysAreDecryptedInBulkInTheirOrder(version: HTTPVersionPreference) async throws {
        let server = try RunningServer()
        try await server.withClient(version: version) { client in
            try await client.createKey("k")
            var plaintexts: [[UInt8]] = []
            var ciphertexts: [CiphertextInContext] = []
            for number in 0..<20 {
                let context = Array("context \(number)".utf8)
                let key = try await client.generateDataKey("k", context: context)
                #expect(key.plaintext.count == 32)
                plaintexts.append(key.plaintext.array)
                ciphertexts.append(CiphertextInContext(ciphertext: key.ciphertext, context: context))
            }
            #expect(Set(plaintexts).count == 20)
            #expect(try await client.bulkDecrypt("k", ciphertexts).map(\.array) == plaintexts)
            #expect(try await client.bulkDecrypt("k", []).isEmpty)
            ciphertexts[7].context = []
            #expect(await failure { try await client.bulkDecrypt("k", ciphertexts) } != nil)
        }
    }

    @Test func anImportedKeyDecryptsWhatItEncryptedElsewhere() async throws {
        let (first, second) = (try RunningServer(), try RunningServer())
        let key = secret(0..<32)
        for cipher in [KeyCipher.aes256, .chaCha20] {
            let ciphertext = try await first.withClient { client in
                try await client.importKey("k-\(cipher)", key: key, cipher: cipher)
                return try await client.encrypt("k-\(cipher)", plaintext: secret("hello".utf8))
            }
            let plaintext = try await second.withClient { client in
                try await client.importKey("k-\(cipher)", key: key, cipher: cipher)
                return try await client.decrypt("k-\(cipher)", ciphertext: ciphertext)
            }
            #expect(plaintext.array == Array("hello".utf8))
        }
    }

    @Test func theHMACDependsOnTheKeyAndTheMessage() async throws {
        let server = try RunningServer()
        try await server.withClient { client in
            try await client.createKey("a")
            try await client.createKey("b")
            let message = secret("message".utf8)
            let code = try await client.hmac("a", message: message)
            #expect(code.count == 32)
            #expect(try await client.hmac("a", message: message) == code)
            #expect(try await client.hmac("b", message: message) != code)
            #expect(try await client.hmac("a", message: secret("other".utf8)) != code)
        }
    }

    @Test func theServersErrorsComeWithTheirStatusAndMessage() async throws {
        let server = try RunningServer()
        try await server.withClient { client in
            try await client.createKey("k")
            let exists = await failure { try await client.createKey("k") }
            #expect(exists == .keyExists && exists == .server(status: 400, message: "key already exists"))
            let missing = await failure { try await client.describeKey("no") }
            #expect(missing == .keyNotFound && missing == .server(status: 404, message: "key does not exist"))
            #expect(await failure { try await client.deleteKey("no") } == .keyNotFound)
            #expect(
                await failure { try await client.createKey("a.b") }
                    == .server(status: 400, message: "key name 'a.b' is empty, too long or contains invalid characters"))
            guard
                case .server(413, _) = await failure({
                    try await client.encrypt("k", plaintext: secret(repeatElement(0, count: 2 << 20)))
                })
            else {
                Issue.record("a body over the limit was not refused as such")
                return
            }
            // The connection, or a new one, goes on to work.
            try await client.ready()
        }
        let message = "not authorized: insufficient permissions"
        let error = await failure { try await server.withClient(server.deployment.stranger) { try await $0.createKey("x") } }
        #expect(error == .notAllowed && error == .server(status: 403, message: message))
    }

    @Test(arguments: [
        (#"{"commit":"x"}"#, "the member 'version' is missing"),
        (#"{"version":1}"#, "the member 'version' is not what it has to be"), ("<html>", "it is not the JSON that was asked for"),
    ])
    func anAnswerThatIsNotOfTheProtocolSaysWhichMemberIsWrong(body: String, reason: String) async throws {
        let files = try TemporaryDirectory()
        try files.write("HTTP/1.0 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)", to: "version")
        let server = try TLSServer(.server(), answering: false, arguments: ["-HTTP", "-alpn", "http/1.1"], root: files.path)
        let client = try KESClient(
            endpoints: [server.endpoint], credential: .none, trust: .certificateFile(server.certificate), version: .http1)
        await client.closing { client in
            #expect(await failure { try await client.version() } == .invalidResponse(server.endpoint, reason: reason))
        }
    }

    @Test(arguments: ["../ready", "a/b", "..", "a%2fb", "a?x=y"])
    func aNameNeverReachesAnotherPath(name: String) async throws {
        let server = try RunningServer()
        try await server.withClient { client in
            guard case .server(400...404, _) = await failure({ try await client.createKey(name) }) else {
                Issue.record("\(name) was not refused")
                return
            }
            let names = try await client.listKeys().all()
            #expect(names.isEmpty)
        }
    }

    @Test(arguments: HTTPVersionPreference.all)
    func aServerTellsWhatItIsAndHowItIs(version: HTTPVersionPreference) async throws {
        let server = try RunningServer()
        try await server.withClient(version: version) { client in
            try await client.ready()
            #expect(try await client.version().version == client.status().version)
            let status = try await client.status()
            #expect(status.operatingSystem == "linux")
            // As Go names them.
            #expect(["amd64", "arm64"].contains(status.architecture))
            #expect(status.processors > 0)
            #expect(!status.keystoreUnreachable)
            #expect(status.keystoreLatency ?? 0 >= 1)
            let apis = try await client.apis()
            #expect(
                apis.contains { $0.method == "PUT" && $0.path == "/v1/key/create/" && $0.maximumBody == 0 && $0.timeout == 15 })
            #expect(apis.map(\.path) == apis.map(\.path).sorted())
            let caller = try await client.describeSelf()
            #expect(caller.identity == server.deployment.admin.identity.description)
            #expect(caller.description.isAdmin)
        }
    }

    @Test func aClientWithAPolicyIsDescribedWithIt() async throws {
        let server = try RunningServer(allow: ["/v1/key/create/my*", "/v1/key/list/*"])
        try await server.withClient(server.deployment.user) { client in
            let caller = try await client.describeSelf()
            #expect(caller.identity == server.deployment.user.identity.description)
            #expect(!caller.description.isAdmin)
            #expect(caller.description.policy == "user")
            #expect(caller.policy?.allow == ["/v1/key/create/my*", "/v1/key/list/*"])
            #expect(caller.policy?.deny == [])
        }
    }
}
