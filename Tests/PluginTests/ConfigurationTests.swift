import PluginKit
import Testing

/// How PluginKit reads the configuration of a keystore.
@Suite struct ConfigurationTests {
    private func read(_ json: String) throws(KeystoreError) -> Configuration { try read(bytes: Array(json.utf8)) }

    private func read(bytes: [UInt8]) throws(KeystoreError) -> Configuration {
        try Configuration(json: bytes.span.bytes)
    }

    private func refusal(_ body: () throws(KeystoreError) -> Void) throws -> String {
        do { try body() } catch {
            #expect(error.kind == .invalid)
            return error.message
        }
        throw TestFailure("nothing was refused")
    }

    @Test func membersOfEveryTypeAreRead() throws {
        let configuration = try read(
            #" { "text": "a/b\u00e9", "number": -12, "yes": true, "no": false, "nothing": null, "section": {"inner": "x"}, "list": [1, []] } "#
        )
        #expect(try configuration.string("text") == "a/b\u{e9}")
        #expect(try configuration.integer("number") == -12)
        #expect(try configuration.boolean("yes"))
        #expect(try configuration.boolean("no") == false)
        #expect(configuration.has("text") && configuration.has("list"))
        #expect(!configuration.has("nothing") && !configuration.has("absent"))
        #expect(try configuration.section("section", members: ["inner"]).string("inner") == "x")
    }

    @Test func everyEscapeIsResolved() throws {
        let configuration = try read(#"{"a\u0062": "\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\ud83d\uDE00 é€😀"}"#)
        #expect(try configuration.string("ab") == "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{e9}\u{20AC}\u{1F600} é€😀")
    }

    @Test func secretGivesTheBytesAndDoesNotPrint() throws {
        let secret = try read(#"{"password": "p\u0061ss"}"#).secret("password")
        #expect(secret.withUnsafeBytes { Array($0) } == Array("pass".utf8))
        #expect("\(secret) \(String(reflecting: secret))" == "SecretValue(4 bytes) SecretValue(4 bytes)")
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func unknownMemberIsNamedWithThoseThatAreKnown() throws {
        let configuration = try read(#"{"path": "/x", "tls": {"ca": "", "kye": "hidden"}, "pth": "hidden"}"#)
        let message = try refusal { () throws(KeystoreError) in try configuration.checkMembers(["path", "tls"]) }
        #expect(message == "unknown member `pth` in the configuration of the keystore; known are: path, tls")
        let nested = try refusal { () throws(KeystoreError) in _ = try configuration.section("tls", members: ["ca", "key"]) }
        #expect(nested == "unknown member `tls.kye` in the configuration of the keystore; known are: tls.ca, tls.key")
    }

    @Test func missingAndMistypedMembersAreNamedWithoutTheirValues() throws {
        let configuration = try read(#"{"a": "hidden", "b": 1.5, "c": null, "d": "\u00ff"}"#)
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.integer("a") }.contains("`a`"))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.boolean("a") }.contains("true or false"))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.section("a", members: []) }.contains("a section"))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.integer("b") }.contains("a whole number"))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.string("b") }.contains("a text"))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.string("c") }.contains("is missing"))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.string("e") }.contains("`e`"))
    }

    @Test func nullIsAnEmptySection() throws { #expect(throws: Never.self) { try read(" null ").checkMembers([]) } }

    @Test(arguments: [
        "", " ", "{", "}", "[]", "7", "\"a\"", "true", "{}x", "{} {}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{,}"#, #"{a:1}"#,
        #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":-}"#, #"{"a":1e}"#, #"{"a":tru}"#, #"{"a":nul}"#,
        #"{"a":[1,]}"#, #"{"a":[}"#, #"{"a":"x}"#, #"{"a":"\x"}"#, #"{"a":"\u12g4"}"#, #"{"a":"\ud800"}"#, #"{"a":"\ud800x"}"#,
        #"{"a":"\ud800\u0041"}"#, #"{"a":"\udc00"}"#, "{\"a\":\"\n\"}", #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"a":"\"#,
        String(repeating: "[", count: 100_000), #"{"a":NaN}"#, "\u{feff}{}",
    ])
    func textThatIsNotAJSONSectionIsRefused(_ json: String) throws {
        #expect(throws: KeystoreError.self) { try read(json) }
    }

    @Test func textThatIsNotUTF8IsRefusedAsAString() throws {
        let configuration = try read(bytes: Array(#"{"a":""#.utf8) + [0xFF] + Array(#""}"#.utf8))
        #expect(try refusal { () throws(KeystoreError) in _ = try configuration.string("a") }.contains("not UTF-8"))
        #expect(try configuration.secret("a").withUnsafeBytes { Array($0) } == [0xFF])
    }

    /// Whatever the bytes are, parsing ends with a value or a refusal. Mutations of a text that has every construct.
    @Test func noMutationOfATextBreaksTheParser() throws {
        let original = Array(#"{"a":[1.5e-3,true,null,"\u00e9\ud83d\ude00"],"b":{"c":"d\n"},"e":-0}"#.utf8)
        for index in original.indices {
            for byte in Array("{}[]\",:\\u0-et ".utf8) + [0x00, 0xFF] {
                var mutated = original
                mutated[index] = byte
                _ = try? read(bytes: mutated).string("b")
            }
            _ = try? read(bytes: Array(original[..<index]))
        }
    }
}
