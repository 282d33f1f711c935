import Foundation
import SecureBytes
import Testing

@Suite struct Base64Tests {
    private func encode(_ bytes: [UInt8]) -> String {
        var output = [UInt8](repeating: 0xee, count: Base64.encodedCount(bytes.count))
        let count = output.withUnsafeMutableBytes { output in bytes.withUnsafeBytes { Base64.encode($0, into: output) } }
        #expect(count == output.count)
        return String(decoding: output, as: UTF8.self)
    }

    private func decode(_ text: [UInt8]) -> [UInt8]? {
        // A guard behind the capacity shows any write beyond it.
        var output = [UInt8](repeating: 0xee, count: Base64.decodedCapacity(text.count) + 8)
        let count = output.withUnsafeMutableBytes { output in
            text.withUnsafeBytes {
                Base64.decode($0, into: UnsafeMutableRawBufferPointer(rebasing: output[..<(output.count - 8)]))
            }
        }
        #expect(output.suffix(8).allSatisfy { $0 == 0xee })
        let secret = text.withUnsafeBytes { Base64.decodeSecret($0) }
        #expect(secret?.array == count.map { Array(output.prefix($0)) })
        return secret?.array
    }

    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectorsOfTheRFC(plain: String, text: String) {
        #expect(encode(Array(plain.utf8)) == text)
        #expect(decode(Array(text.utf8)) == Array(plain.utf8))
    }

    @Test func everyLengthAgreesWithFoundation() {
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ count &* 59) }
            let text = Data(bytes).base64EncodedString()
            #expect(encode(bytes) == text)
            #expect(decode(Array(text.utf8)) == bytes)
        }
    }

    @Test func everyPairOfBytesComesBack() {
        for first in UInt8.min...UInt8.max {
            let bytes = (UInt8.min...UInt8.max).flatMap { [first, $0] }
            let text = encode(bytes)
            #expect(text == Data(bytes).base64EncodedString())
            #expect(decode(Array(text.utf8)) == bytes)
        }
    }

    @Test func onlyTheAlphabetIsTakenAtEveryPlace() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let text = Array("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==".utf8)
        for place in 0..<30 {
            for character in UInt8.min...UInt8.max where character != 0x0a && character != 0x0d {
                var changed = text
                changed[place] = character
                #expect((decode(changed) != nil) == alphabet.contains(character), "\(character) at \(place)")
            }
        }
    }

    @Test(arguments: [
        "A", "AA", "AAA", "=", "==", "====", "A===", "AA=", "AAA==", "AA=A", "A=AA", "=AAA", "AAAA=", "AAAA====", "AA==AAAA",
        "AA= =",
        " AAAA", "AAAA ", "AAAA\0", "-_-_", "AAAAAAAA=AAA",
    ])
    func whatIsNotBase64IsRefused(text: String) {
        #expect(decode(Array(text.utf8)) == nil)
    }

    @Test func lineBreaksAreSkippedAsGoSkipsThem() {
        let bytes = Array("any carnal pleasure.".utf8)
        for text in [
            "YW55IGNhcm5h\nbCBwbGVhc3VyZS4=", "YW55IGNhcm5hbCBwbGVhc3VyZS4=\r\n", "\nYW55IGNhcm5hbCBwbGVhc3VyZS4\n=\n",
            "Y\rW\nY=",
        ] {
            #expect(decode(Array(text.utf8)) == (text.hasPrefix("Y\r") ? Array("af".utf8) : bytes))
        }
        #expect(decode([0x0a]) == [])
        #expect(decode(Array("YW5\n".utf8)) == nil)
    }

    @Test func unusedBitsOfTheLastCharacterAreIgnoredAsGoIgnoresThem() {
        #expect(decode(Array("Zh==".utf8)) == decode(Array("Zg==".utf8)))
        #expect(decode(Array("Zm9=".utf8)) == decode(Array("Zm8=".utf8)))
    }
}
