import Credentials
import Testing

@Suite struct IdentityTests {
    private static let text = "3b1d55946b117cfe4a6274d6a9673225f8314dd546eff0e3fefaa069a93b66ca"

    @Test func itPrintsAsItWasParsed() throws {
        let identity = try #require(Identity(Self.text))
        #expect(identity.description == Self.text)
        #expect(Identity(digest: identity.bytes) == identity)
        #expect(identity.hashValue == Identity(Self.text)?.hashValue)
        #expect(identity.bytes.first == 0x3b && identity.bytes.count == Identity.byteCount)
    }

    @Test func onlySixtyFourLowerCaseDigitsAreOne() {
        for text in [
            "", "disabled", "_", Self.text.uppercased(), String(Self.text.dropLast()), Self.text + "0",
            Self.text.dropLast() + "g",
        ] {
            #expect(Identity(text) == nil)
        }
        for count in [0, 31, 33] { #expect(Identity(digest: [UInt8](repeating: 0, count: count)) == nil) }
    }
}
