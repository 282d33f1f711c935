import KESClient
import SecureBytes
import Testing

@Suite struct MessageTests {
    private func secret(_ text: String) -> SecretBytes {
        SecretText.assemble([.plain(text)])
    }

    private func text(_ secret: SecretBytes) -> String {
        secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("my-key_1", "my-key_1"), ("my-app*", "my-app*"), ("a@b", "a@b"), ("..", "%2E%2E"), ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2F", "%252F"), ("ä", "%C3%A4"), ("\n", "%0A"), ("", ""),
    ])
    func aNameStaysOneSegmentOfThePath(name: String, encoded: String) {
        #expect(RequestPath("/v1/key/create/", name).encoded == "/v1/key/create/\(encoded)")
    }

    @Test func secretsArePutTogetherAsBytes() {
        let body = SecretText.assemble([
            .plain(#"{"key":""#), .base64(secret("foob")), .plain(#"","x":""#), .bytes(secret("é")), .plain("\"}"),
        ])
        #expect(text(body) == #"{"key":"Zm9vYg==","x":"é"}"#)
        #expect(SecretText.assemble([]).count == 0)
    }

    @Test func base64TextBecomesASecret() {
        #expect(SecretBytes.base64("Zm9vYg==").map(text) == "foob")
        #expect(SecretBytes.base64("Zm9vYg") == nil)
        #expect(SecretBytes.base64("") == secret(""))
    }

    @Test func byteFieldsAreReadWhereverTheyAre() throws {
        let reply = secret(#" { "other" : [1,{"plaintext":"no"}], "ciphertext":"Yg==" , "plaintext" : "YWE\/" } "#)
        let fields = try SecretJSON.byteFields(["plaintext", "ciphertext", "hmac"], of: reply)
        #expect(fields.map { $0.withUnsafeBytes { Array($0) } } == [[0x61, 0x61, 0x3f], [0x62], []])
    }

    @Test func aNullByteFieldIsEmpty() throws {
        #expect(try SecretJSON.byteFields(["plaintext"], of: secret(#"{"plaintext":null}"#))[0].count == 0)
    }

    @Test func byteFieldsOfAnArrayKeepTheirOrder() throws {
        let fields = try SecretJSON.byteFieldOfEach("plaintext", of: secret(#"[{"plaintext":"YQ=="},{},{"plaintext":"Yg=="}]"#))
        #expect(fields.map(text) == ["a", "", "b"])
        #expect(try SecretJSON.byteFieldOfEach("plaintext", of: secret("[]")).isEmpty)
    }

    @Test(arguments: [
        "", "{", "[]", "{}x", #"{"plaintext":"!"}"#, #"{"plaintext":1}"#, #"{"plaintext":"YQ==""#, "<html>",
        #"{"plaintext":"YQ="}"#,
    ])
    func whatIsNoAnswerOfTheProtocolIsAnError(reply: String) {
        #expect(throws: JSONError.self) { try SecretJSON.byteFields(["plaintext"], of: secret(reply)) }
    }

    @Test func jsonTextEscapesWhatItMust() {
        #expect(JSONText.string("a\"b\\c\n\u{1}é/") == #""a\"b\\c\n\u0001é/""#)
        #expect(JSONText.array(["a", "\""]) == #"["a","\""]"#)
        #expect(JSONText.array([]) == "[]")
        #expect(JSONText.object([("b", "1"), ("a", nil), ("c", "{}")]) == #"{"b":1,"c":{}}"#)
    }

    @Test(arguments: ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678901234Z", "2026-01-02T03:04:05.5+01:00"])
    func timesOfTheProtocolAreRead(time: String) throws {
        #expect(try #require(Timestamp(time)).description == time)
    }

    @Test func aTimeKeepsItsFraction() throws {
        let (whole, fraction) = (Timestamp("2026-01-02T03:04:05Z"), Timestamp("2026-01-02T03:04:05.25Z"))
        #expect(try #require(fraction).date.timeIntervalSince(try #require(whole).date) == 0.25)
        #expect(Timestamp("yesterday") == nil)
    }
}
