import Credentials
import SecureBytes
import Testing

@Suite struct APIKeyTests {
    /// From kes-formats.json: API keys and the identities that a KES server saw.
    private static let known = [
        (
            "kes:v1:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13Uzxfonw",
            "3b1d55946b117cfe4a6274d6a9673225f8314dd546eff0e3fefaa069a93b66ca"
        ),
        (
            "kes:v1:AINCWlzJ2BJiN/6sMRmSKpx0rqoRDM81SI00Q8XIJQ4J",
            "48df0d85de685395b18bdae2a5945c07c821a52d40b6038898ed907ac44daba0"
        ),
    ]

    @Test(arguments: known) func knownAPIKeysGiveTheKnownIdentities(text: String, identity: String) throws {
        let key = try APIKey(text)
        #expect(key.identity.description == identity)
        #expect(key.text.string == text)
        #expect(try APIKey(String(text.dropFirst("kes:v1:".count))) == key)
    }

    @Test func aGeneratedAPIKeyReadsBackFromItsText() throws {
        let key = try APIKey()
        let again = try key.text.withUnsafeBytes { try APIKey(parsing: $0) }
        #expect(again == key)
        #expect(again.identity == key.identity)
        #expect(try APIKey() != key)
    }

    @Test(arguments: [
        "", "kes:v1:", "kes:v2:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13Uzxfonw",
        "KES:V1:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13Uzxfonw",
        // 32 and 34 bytes, another type, a character that is not base64.
        "kes:v1:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13UzxfoA=", "kes:v1:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13UzxfonwAA==",
        "kes:v1:AfwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13Uzxfonw", "kes:v1:APwC3OJdx84D-y0MDsEShC+5KJQou66lrfl13Uzxfonw",
    ])
    func whatIsNoAPIKeyIsRefused(text: String) {
        #expect(throws: CredentialError.malformedAPIKey) { try APIKey(text) }
    }

    @Test func anAPIKeyNeverPrintsItsSeed() throws {
        let (text, identity) = Self.known[0]
        let key = try APIKey(text)
        var dumped = ""
        dump(key, to: &dumped)
        for output in ["\(key)", String(reflecting: key), dumped] {
            #expect(!output.contains("APwC3OJdx84D"))
            #expect(output.contains(identity))
        }
    }

    /// With slashes in its base64, as half of all keys have.
    private static let slashed = "APwNcHswx/JhVKo7sT8alIzumfp/iA+ssKIvHd4tATUP"

    @Test(arguments: [
        "/\(slashed)", "/kes:v1:\(slashed)", "/KES:V1:\(slashed)", "/kes:v1:APwN", "/kes%3av1%3A\(slashed)",
        "/%6Bes%3Av1%3A\(slashed)",
        "/\(slashed.replacing("/", with: "%2F").replacing("+", with: "%2b"))",
        "/kes%253Av1%253A\(slashed.replacing("/", with: "%252F"))",
        "/%41\(slashed.dropFirst())", "/\(slashed.prefix(20))%0A\(slashed.dropFirst(20))", "/\(slashed)/", "/\(slashed)?x",
        "/\(slashed)%",
    ])
    func aTextForALogHasNoAPIKey(text: String) {
        #expect(APIKey.masked(in: "/v1/ké%20y" + text) == "/v1/ké%20y/kes:v1:…")
        #expect(APIKey.masked(in: String(text.dropFirst())) == "kes:v1:…")
    }

    @Test(arguments: [
        "", "%", "/", "/v1/key/create/my-key", "/v1/key/list/minio*", "/v1/key/list/a@ab*", "/v1/policy/write/AB_CD-e",
        "/v1/nothing%2Fat%3Aall",
        "/v1/identity/describe/3b1d55946b117cfe4a6274d6a9673225f8314dd546eff0e3fefaa069a93b66ca",
        "/v1/identity/describe/3B1D55946B117CFE4A6274D6A9673225F8314DD546EFF0E3FEFAA069A93B66CA",
        // One letter more or less than a key has, as a part of a name, of another type, and with what base64 has not.
        "/AB\(String(repeating: "c", count: 41))", "/AB\(String(repeating: "c", count: 43))",
        "/x-AB\(String(repeating: "c", count: 42))",
        "/AB\(String(repeating: "c", count: 42))-x", "/AQ\(String(repeating: "c", count: 42))",
        "/AB\(String(repeating: "c-", count: 21))",
    ])
    func whatIsNoAPIKeyIsShownAsItIs(text: String) {
        #expect(APIKey.masked(in: text) == text)
    }
}

extension SecretBytes {
    convenience init(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    var string: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
