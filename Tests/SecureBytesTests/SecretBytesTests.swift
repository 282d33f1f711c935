import SecureBytes
import Testing

@Suite struct SecretBytesTests {
    @Test func equalBytesAreEqualAndOthersAreNot() {
        #expect(SecretBytes([1, 2, 3]) == SecretBytes([1, 2, 3]))
        #expect(SecretBytes([1, 2, 3]) != SecretBytes([1, 2, 4]))
        #expect(SecretBytes([1, 2, 3]) != SecretBytes([1, 2]))
        #expect(SecretBytes([]) == SecretBytes([]))
    }

    @Test func theyNeverPrint() {
        let secret = SecretBytes("correct horse battery staple".utf8)
        var dumped = ""
        dump(secret, to: &dumped)
        for output in ["\(secret)", String(reflecting: secret), dumped] {
            #expect(!output.contains("horse"))
            #expect(output.contains("28 bytes"))
        }
    }

    @Test func anInitialiserThatThrowsIsPassedOn() {
        #expect(throws: RandomnessError()) {
            try SecretBytes(count: 4) { bytes throws(RandomnessError) in
                bytes[0] = 1
                throw RandomnessError()
            }
        }
    }

    @Test func theyStartAsZeros() {
        #expect(SecretBytes(count: 100) { _ in }.array == [UInt8](repeating: 0, count: 100))
    }
}

extension SecretBytes {
    convenience init(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    var array: [UInt8] { withUnsafeBytes { Array($0) } }
    var string: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
