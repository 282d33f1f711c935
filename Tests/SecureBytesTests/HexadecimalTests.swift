import SecureBytes
import Testing

@Suite struct HexadecimalTests {
    @Test func everyByteComesBack() {
        let bytes = Array(UInt8.min...UInt8.max)
        let text = bytes.withUnsafeBytes { Hexadecimal.text(of: $0) }
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        var decoded = [UInt8](repeating: 0, count: 256)
        #expect(decoded.withUnsafeMutableBytes { Hexadecimal.decode(text.utf8, into: $0) })
        #expect(decoded == bytes)
    }

    @Test(arguments: ["", "0", "00", "000", "00000", "000000", "0G00", "0A00", "00 0", "00é"])
    func anythingButTwoLowerCaseDigitsForEachByteIsRefused(text: String) {
        var bytes: [UInt8] = [0, 0]
        #expect(!bytes.withUnsafeMutableBytes { Hexadecimal.decode(text.utf8, into: $0) })
    }
}
