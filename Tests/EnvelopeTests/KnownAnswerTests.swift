import Envelope
import Foundation
import SecureBytes
import Testing

/// What a KES server wrote, Keswick reads, and what it reads it writes back byte for byte.
@Suite struct KnownAnswerTests {
    private let vectors: Vectors

    init() throws {
        vectors = try Vectors.load()
    }

    @Test func storedEntriesDecodeToTheirKeysAndEncodeToTheSameBytes() throws {
        #expect(vectors.keys.count == 4)
        for vector in vectors.keys {
            let key = try Key.decoded(vector.storedEntry)
            #expect(key.algorithm.name == vector.algorithm)
            #expect(key.createdAt == Timestamp(seconds: vector.createdAtUnix, nanoseconds: vector.createdAtNanos))
            #expect(key.createdBy == vector.createdBy)
            #expect(key.supportsHMAC)
            #expect(StoredEntry.encode(key).string == vector.storedEntry)
        }
    }

    @Test func legacyEntriesDecodeAndHaveNoHMACKey() throws {
        for vector in vectors.keys {
            let key = try Key.decoded(vector.storedEntryLegacyJson)
            #expect(key.algorithm.name == vector.algorithm)
            #expect(key.createdAt.description == "2022-05-04T03:02:01.123456789Z")
            #expect(key.createdBy == "7ec8095a5308a535b72b35c7ccd4ce1d7c14af713acd22e2935a9d6e4fe18127")
            #expect(!key.supportsHMAC)
            #expect(throws: EnvelopeError.hmacNotSupported) { try key.authenticated(Data()) }
        }
    }

    @Test func legacyEntriesBecomeCurrentOnesWithTheSameKey() throws {
        for vector in vectors.keys {
            let legacy = try Key.decoded(vector.storedEntryLegacyJson)
            let current = try Key.decoded(StoredEntry.encode(legacy).string)
            #expect(!current.supportsHMAC)
            #expect(current.createdAt == legacy.createdAt)
            #expect(try current.decrypted(legacy.encrypted(Data("data".utf8))) == Data("data".utf8))
        }
    }

    @Test func everyCiphertextDecryptsAlsoUnderTheLegacyEntryOfItsKey() throws {
        for vector in vectors.keys {
            for entry in [vector.storedEntry, vector.storedEntryLegacyJson] {
                let key = try Key.decoded(entry)
                for ciphertext in vector.ciphertexts {
                    #expect(
                        try key.decrypted(ciphertext.ciphertext, context: ciphertext.context) == ciphertext.plaintext,
                        "\(vector.name), \(ciphertext.form), \(ciphertext.plaintext.count) bytes")
                }
            }
        }
    }

    @Test func theVectorsHoldEveryFormAndCurrentOnesThatBeginLikeLegacyOnes() {
        let ciphertexts = vectors.keys.flatMap(\.ciphertexts)
        #expect(Set(ciphertexts.map(\.form)) == ["current", "legacy_json", "legacy_msgpack"])
        let firstBytes = Set(ciphertexts.filter { $0.form == "current" }.compactMap(\.ciphertext.first))
        #expect(firstBytes.isSuperset(of: [0x7b, 0x95]))
    }

    @Test func everyHMACIsTheSame() throws {
        for vector in vectors.keys {
            let key = try Key.decoded(vector.storedEntry)
            for hmac in vector.hmacs { #expect(try key.authenticated(hmac.message) == hmac.hmac) }
        }
    }
}
