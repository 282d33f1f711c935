import Envelope
import Foundation
import SecureBytes
import Testing

private let epoch = Timestamp(seconds: 0, nanoseconds: 0)

@Suite struct KeyTests {
    @Test(arguments: KeyAlgorithm.allCases, [0, 1, 15, 16, 17, 32, 1000, 100_000])
    func whatIsEncryptedDecrypts(algorithm: KeyAlgorithm, count: Int) throws {
        let key = try Key(generating: algorithm, createdAt: epoch, createdBy: "")
        let plaintext = Data((0..<count).map { UInt8(truncatingIfNeeded: $0) })
        for context in [Data(), Data("context".utf8), Data(count: 5000)] {
            let ciphertext = try key.encrypted(plaintext, context: context)
            #expect(ciphertext.count == count + 44)
            #expect(try key.decrypted(ciphertext, context: context) == plaintext)
            #expect(throws: EnvelopeError.notAuthentic) { try key.decrypted(ciphertext, context: context + [0]) }
        }
    }

    /// From the parts of the ciphertext and the specified key derivations, without `Key`.
    @Test(arguments: KeyAlgorithm.allCases)
    func theLayoutIsCiphertextTagVectorNonce(algorithm: KeyAlgorithm) throws {
        let secret = Data((0..<32).map { UInt8($0 * 7) })
        let key = try Key(importing: SecretBytes(secret), algorithm: algorithm, createdAt: epoch, createdBy: "")
        let plaintext = Data("an object's data key".utf8)
        let ciphertext = try key.encrypted(plaintext, context: Data("bucket".utf8))
        let sealed = ciphertext.prefix(plaintext.count + 16)
        let vector = Data(ciphertext.dropFirst(sealed.count).prefix(16))
        var messageKey = Data(count: 32)
        try messageKey.withUnsafeMutableBytes { messageKey in
            try vector.withUnsafeBytes { vector in
                switch algorithm {
                case .aes256: try HMACSHA256(key: SecretBytes(secret)).authenticate(vector, into: messageKey)
                case .chaCha20:
                    try secret.withUnsafeBytes { secret in
                        HChaCha20.deriveKey(
                            key: try #require(secret.baseAddress), input: try #require(vector.baseAddress),
                            into: try #require(messageKey.baseAddress))
                    }
                }
            }
        }
        let opened = try open(
            Data(sealed), algorithm, key: messageKey, nonce: Data(ciphertext.suffix(12)), associatedData: Data("bucket".utf8))
        #expect(opened == plaintext)
    }

    @Test func twoCiphertextsOfOnePlaintextShareNothing() throws {
        let key = try Key(generating: .aes256, createdAt: epoch, createdBy: "")
        let tails = try (0..<1000).map { _ in try key.encrypted(Data()).suffix(28) }
        #expect(Set(tails.map { Data($0.prefix(16)) }).count == 1000)
        #expect(Set(tails.map { Data($0.suffix(12)) }).count == 1000)
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func aCiphertextThatBeginsLikeALegacyOneByChanceDecrypts(algorithm: KeyAlgorithm) throws {
        let key = try Key(generating: algorithm, createdAt: epoch, createdBy: "")
        for first in [UInt8(ascii: "{"), 0x95] {
            // The first byte is one of a key stream, so every 256th ciphertext begins with it on average: after 20,000, none
            // would be a miracle (1 in 10^34).
            var ciphertext = Data()
            for _ in 0..<20_000 where ciphertext.first != first { ciphertext = try key.encrypted(Data([1, 2, 3])) }
            try #require(ciphertext.first == first)
            #expect(try key.decrypted(ciphertext) == Data([1, 2, 3]))
        }
    }

    @Test func anotherKeyDoesNotDecrypt() throws {
        for algorithm in KeyAlgorithm.allCases {
            let ciphertext = try Key(generating: .aes256, createdAt: epoch, createdBy: "").encrypted(Data("x".utf8))
            let other = try Key(generating: algorithm, createdAt: epoch, createdBy: "")
            #expect(throws: EnvelopeError.notAuthentic) { try other.decrypted(ciphertext) }
        }
    }

    @Test func onlyKeysOf32BytesCanBeImported() throws {
        for count in [0, 16, 31, 33, 64] {
            #expect(throws: EnvelopeError.invalidKeySize(count)) {
                try Key(importing: SecretBytes(Data(count: count)), algorithm: .aes256, createdAt: epoch, createdBy: "")
            }
        }
        let secret = SecretBytes(Data(1...32))
        let keys = try (0..<2).map { _ in try Key(importing: secret, algorithm: .chaCha20, createdAt: epoch, createdBy: "me") }
        #expect(keys[0].supportsHMAC)
        // Each import makes an HMAC key of its own.
        #expect(try keys[0].authenticated(Data()) != keys[1].authenticated(Data()))
        #expect(try keys[1].decrypted(keys[0].encrypted(Data("x".utf8))) == Data("x".utf8))
    }

    @Test func aKeyNeverPrintsItsBytes() throws {
        let key = try Key(
            importing: SecretBytes(Data("0123456789abcdef0123456789abcdef".utf8)), algorithm: .aes256, createdAt: epoch,
            createdBy: "")
        var dumped = ""
        dump(key, to: &dumped)
        for output in ["\(key)", String(reflecting: key), dumped] {
            #expect(output.contains("Key(AES256)") && output.count < 20)
        }
    }

    @Test func allThreadsMayUseAKeyAtOnce() async throws {
        let keys = try KeyAlgorithm.allCases.map { try Key(generating: $0, createdAt: epoch, createdBy: "") }
        let message = Data("message".utf8)
        let hmacs = try keys.map { try $0.authenticated(message) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<200 {
                        let index = (task + round) % keys.count
                        let plaintext = Data("\(task) \(round)".utf8)
                        let decrypted = try keys[index].decrypted(keys[index].encrypted(plaintext))
                        let hmac = try keys[index].authenticated(message)
                        #expect(decrypted == plaintext)
                        #expect(hmac == hmacs[index])
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
