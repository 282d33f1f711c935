import Foundation
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

    @Test func theBytesAreWipedBeforeTheirMemoryIsGivenBack() throws {
        let memory = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/mem"))
        let pattern = Data((0..<64).map { UInt8($0 ^ 0xa5) })
        // In the middle of a block too small to be unmapped, where the allocator keeps no notes of its own.
        var secret: SecretBytes? = SecretBytes(count: 4096) { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[2048..<2112]).copyBytes(from: pattern)
        }
        let address = try #require(secret).withUnsafeBytes { UInt64(UInt(bitPattern: $0.baseAddress)) + 2048 }
        // Through the kernel, because reading freed memory through a pointer means nothing in Swift.
        func read() throws -> Data? {
            try memory.seek(toOffset: address)
            return try memory.read(upToCount: pattern.count)
        }
        #expect(try read() == pattern)
        secret = nil
        #expect(try read() != pattern)
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
