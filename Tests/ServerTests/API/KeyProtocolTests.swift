import Foundation
import Glibc
import TestSupport
import Testing

/// What requests about keys and their answers are made of.
@Suite struct KeyProtocolTests {
    private let deployment: Deployment
    private let server: ServerProcess
    private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    private static let badBody = #"{"message":"invalid request body"}"#

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/key/create/*", "/v1/key/import/*", "/v1/key/list/many*"])
        server = try ServerProcess(deployment)
    }

    private func put(_ path: String, _ body: String, _ flag: String) throws -> (Int, String) {
        let answer = try server.curl(
            path, as: deployment.admin, [flag, "-X", "PUT"] + (body.isEmpty ? [] : ["--data-binary", "@-"]),
            input: Array(body.utf8))
        return (answer.status, answer.body)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func aNewKeyHasItsAlgorithmItsMakerItsTimeAndAKeyForHMAC(flag: String) throws {
        let user = deployment.user
        let before = Date()
        #expect(try server.curl("/v1/key/create/made", as: user, [flag, "-X", "PUT"]).status == 200)
        let description = try server.curl("/v1/key/describe/made", as: deployment.admin, [flag]).body
        // What Linux says of the processor decides.
        let flags = try String(decoding: readFile("/proc/cpuinfo"), as: UTF8.self).split { $0.isWhitespace }
        let hasAES = flags.contains("aes") && (flags.contains("pclmulqdq") || flags.contains("pmull"))
        let time = try #require(member("created_at", of: description))
        #expect(
            description
                == #"{"name":"made","algorithm":"\#(hasAES ? "AES256" : "ChaCha20")","created_at":"\#(time)","created_by":"\#(user.identity)"}"#
        )
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z/) != nil)
        let seconds = try #require(ISO8601DateFormatter().date(from: time.replacing(/\.\d+/, with: "")))
        #expect(seconds >= before.addingTimeInterval(-2) && seconds <= Date())

        // An imported key too; its key for HMAC is random, and no part of what was imported.
        let body = #"{"key":"\#(Self.key)","cipher":"AES256"}"#
        for name in ["first", "second"] { #expect(try put("/v1/key/import/\(name)", body, flag).0 == 200) }
        let codes = try ["made", "first", "second"].map { name in
            let (status, text) = try put("/v1/key/hmac/\(name)", #"{"message":"aGVsbG8="}"#, flag)
            #expect(status == 200)
            return text
        }
        #expect(Set(codes).count == 3)
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func membersThatAreNotKnownAreIgnoredAndNullIsEmpty(flag: String) throws {
        #expect(try put("/v1/key/create/k", "", flag).0 == 200)
        #expect(
            try put("/v1/key/import/i", #"{"version":"","x":{"y":[1]},"key":"\#(Self.key)","cipher":"AES256"}"#, flag).0 == 200)
        for body in [#"{"version":""}"#, #"{"version":"v1","context":null}"#, "{}", #"{"x":[{"y":null}],"context":""}"#, ""] {
            let (status, text) = try put("/v1/key/generate/k", body, flag)
            #expect(status == 200, "\(body)")
            let ciphertext = try #require(member("ciphertext", of: text))
            let plaintext = try #require(member("plaintext", of: text))
            #expect(Data(base64Encoded: plaintext)?.count == 32)
            // Without a context, however that was said.
            #expect(
                try put("/v1/key/decrypt/k", #"{"version":"","ciphertext":"\#(ciphertext)"}"#, flag)
                    == (200, #"{"plaintext":"\#(plaintext)"}"#))
        }
        for body in [#"{"plaintext":null}"#, "{}", #"{"version":"","plaintext":""}"#] {
            let (status, text) = try put("/v1/key/encrypt/k", body, flag)
            #expect(status == 200)
            let ciphertext = try #require(member("ciphertext", of: text))
            #expect(
                try put("/v1/key/bulk/decrypt/k", #"[{"version":"","ciphertext":"\#(ciphertext)","context":null}]"#, flag)
                    == (200, #"[{"plaintext":""}]"#))
        }
        let empty = try put("/v1/key/hmac/k", #"{"message":""}"#, flag)
        #expect(try put("/v1/key/hmac/k", #"{"version":"","message":null}"#, flag) == empty)
    }

    /// RFC 4648, section 4. Like Go's decoder, the server passes over line breaks and unused bits.
    @Test(arguments: ["--http1.1", "--http2"])
    func bytesAreStandardBase64WithPadding(flag: String) throws {
        #expect(try put("/v1/key/create/k", "", flag).0 == 200)
        for text in ["aGVsbG8", "aGVsbG8==", "aGVsbG8= ", "aGVs bG8=", "-_-_", "a", "=", "%%%%"] {
            #expect(try put("/v1/key/encrypt/k", #"{"plaintext":"\#(text)"}"#, flag) == (400, Self.badBody), "\(text)")
        }
        let strict = try put("/v1/key/hmac/k", #"{"message":"aGVsbG8="}"#, flag)
        for text in ["aGVs\\r\\nbG8=", "aGVsbG9="] {
            #expect(try put("/v1/key/hmac/k", #"{"message":"\#(text)"}"#, flag) == strict)
        }
        for text in ["aGVsbG8=", "+/+/", "aA==", "aGVs", ""] {
            let (status, answer) = try put("/v1/key/encrypt/k", #"{"plaintext":"\#(text)"}"#, flag)
            #expect(status == 200)
            let ciphertext = try #require(member("ciphertext", of: answer))
            #expect(ciphertext.count.isMultiple(of: 4) && ciphertext.wholeMatch(of: /[A-Za-z0-9+\/]+={0,2}/) != nil)
            #expect(
                try put("/v1/key/decrypt/k", #"{"ciphertext":"\#(ciphertext)"}"#, flag)
                    == (200, #"{"plaintext":"\#(text)"}"#))
        }
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func whyACiphertextDoesNotDecryptIsNotSaid(flag: String) throws {
        for name in ["k", "other"] { #expect(try put("/v1/key/create/\(name)", "", flag).0 == 200) }
        let answer = try put("/v1/key/encrypt/k", #"{"plaintext":"aGVsbG8=","context":"Y3R4"}"#, flag).1
        let ciphertext = try #require(member("ciphertext", of: answer))
        let bytes = [UInt8](try #require(Data(base64Encoded: ciphertext)))
        func altered(_ change: (inout [UInt8]) -> Void) -> String {
            var copy = bytes
            change(&copy)
            return Data(copy).base64EncodedString()
        }
        let legacy = #"{"aead":"AES-256-GCM-HMAC-SHA-256","id":"","iv":"","nonce":"","bytes":""}"#
        let refused = (400, #"{"message":"decryption failed: ciphertext is not authentic"}"#)
        for (name, ciphertext, context) in [
            ("k", ciphertext, ""), ("k", ciphertext, "b3RoZXI="), ("other", ciphertext, "Y3R4"), ("k", "", "Y3R4"),
            ("k", altered { $0.removeLast() }, "Y3R4"), ("k", altered { $0[0] ^= 1 }, "Y3R4"),
            ("k", altered { $0[$0.count - 1] ^= 1 }, "Y3R4"), ("k", altered { $0.append(0) }, "Y3R4"),
            (
                "k",
                altered {
                    $0.removeAll(); $0 += Array(legacy.utf8)
                }, "Y3R4"
            ), ("k", altered { $0 = [0x95] + $0 }, "Y3R4"),
        ] {
            let body = #"{"ciphertext":"\#(ciphertext)","context":"\#(context)"}"#
            #expect(try put("/v1/key/decrypt/\(name)", body, flag) == refused, "\(body)")
        }
        #expect(try put("/v1/key/decrypt/k", #"{"ciphertext":"\#(ciphertext)","context":"Y3R4"}"#, flag).0 == 200)
    }

    /// The token for the next page still begins as the pattern that allowed the first one.
    @Test func aPolicyThatAllowsAListingAllowsAllItsPages() throws {
        let names = (0..<1001).map { "many-\($0)" }.sorted()
        let urls = names.map { "url = \"\(server.endpoint)/v1/key/create/\($0)\"\n" }.joined()
        let created = try server.curlConfiguration(urls + "request = PUT\n", as: deployment.user)
        #expect(created.filter { $0 == 200 }.count == 1001)
        #expect(try server.curl("/v1/key/list/", as: deployment.user).status == 403)
        for pattern in ["many", "many*"] {
            let first = try server.curl("/v1/key/list/\(pattern)", as: deployment.user)
            #expect(first.status == 200)
            let token = try #require(member("continue_at", of: first.body))
            #expect(token == "many@\(names[999])")
            let second = try server.curl("/v1/key/list/\(token)", as: deployment.user)
            #expect(second.status == 200 && second.body == #"{"names":["\#(names[1000])"]}"#)
        }
    }

    /// Requests that share the connection with one whose body is too large.
    @Test func aBodyThatIsTooLargeCostsTheOthersOfItsConnectionNothing() throws {
        #expect(try put("/v1/key/create/k", "", "--http2").0 == 200)
        let large = try deployment.directory.write([UInt8](repeating: UInt8(ascii: " "), count: 3 << 20), to: "large")
        let (admin, url) = (deployment.admin, "\(server.endpoint)/v1/key/generate/k")
        let more = ["-X", "PUT", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"]
        let common = [
            "--http2", "-sS", "--cacert", deployment.serverCertificate, "--cert", admin.certificate, "--key", admin.key,
        ]
        let requests = [["-d", "{}"], ["--data-binary", "@\(large)"], ["-d", "{}"], ["-d", "{}"]].map {
            common + more + $0 + [url]
        }
        let result = try run("curl", Array(requests.joined(separator: ["--next"])))
        #expect(result.text == "200 1\n413 0\n200 0\n200 0\n", "\(result.errorText)")
    }
}
