import Host
import TestSupport
import Testing

/// What `docs/openapi.yaml` says of requests is what the server takes: clients and fuzzers are made from it.
@Suite struct OpenAPIRequestTests {
    private let schema: Schema

    init() throws {
        schema = Schema(document: try #require(try YAMLValue.load(Page("docs/openapi.yaml").text) as? [String: Any]))
    }

    private func parameter(_ name: String) throws -> [String: Any] {
        try #require(schema.resolve("#/components/parameters/\(name)")?["schema"] as? [String: Any])
    }

    /// All texts of up to four of these characters, with what is in names and what is not.
    private static let texts: [String] = {
        let characters = ["a", "Z", "0", "_", "-", "*", "@", ".", "é"]
        var texts = [""]
        var longest = texts
        for _ in 1...4 {
            longest = longest.flatMap { text in characters.map { text + $0 } }
            texts += longest
        }
        return texts
    }()

    @Test func namesFollowTheRule() throws {
        let names = try parameter("Name")
        let long = [80, 81].map { String(repeating: "n", count: $0) }
        for name in Self.texts + long {
            #expect(Names.isValid(name) == schema.problems(with: name, names).isEmpty, "'\(name)'")
        }
    }

    @Test func listingPatternsFollowTheRule() throws {
        let patterns = try parameter("Pattern")
        let long = [80, 81].map { String(repeating: "n", count: $0) }
        for text in Self.texts + long + long.map({ $0 + "*" }) {
            let isValid = (try? ListPattern(text)) != nil
            let isDocumented = schema.problems(with: text, patterns).isEmpty
            // A token names what it continues: that its two parts fit each other is more than an expression can say.
            if text.contains("@") {
                #expect(isDocumented || !isValid, "'\(text)'")
            } else {
                #expect(isDocumented == isValid, "'\(text)'")
            }
        }
    }

    @Test func importedKeysHave32Bytes() throws {
        let keys = try #require(
            (schema.resolve("#/components/schemas/Import")?["properties"] as? [String: Any])?["key"] as? [String: Any])
        #expect(schema.problems(with: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", keys).isEmpty)
        for wrong in ["", "AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISI="] {
            #expect(!schema.problems(with: wrong, keys).isEmpty, "\(wrong)")
        }
    }

    /// Patterns of policies that the document allows and that it does not, written to a server.
    @Test func patternsOfPoliciesFollowTheRule() throws {
        let patterns = try #require(schema.resolve("#/components/schemas/RulePattern"))
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment)
        let texts = ["", "/v1/status", "/v1/key/*/a*", "é", String(repeating: "p", count: 1024)]
        let wrong = ["\u{1}", "a\nb", "\u{7f}", "\u{85}", String(repeating: "p", count: 1025)]
        for text in texts + wrong {
            #expect(schema.problems(with: text, patterns).isEmpty == !wrong.contains(text), "\(text.debugDescription)")
            let escaped = text.unicodeScalars.map {
                $0.value < 32 ? "\\u00" + ($0.value < 16 ? "0" : "") + String($0.value, radix: 16) : String($0)
            }
            for body in [#"{"allow":{"\#(escaped.joined())":{}}}"#, #"{"allow":["\#(escaped.joined())"]}"#] {
                let answer = try server.curl(
                    "/v1/policy/write/p", as: deployment.admin, ["-X", "PUT", "--data-binary", "@-"], input: Array(body.utf8))
                #expect(answer.status == (wrong.contains(text) ? 400 : 200), "\(text.debugDescription): \(answer.body)")
            }
        }
    }
}
