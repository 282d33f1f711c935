import Envelope
import Foundation
import SecureBytes
import Testing

/// Whatever is done to a ciphertext, the one error comes, and nothing of the plaintext.
@Suite struct TamperingTests {
    private let vectors: Vectors

    init() throws {
        vectors = try Vectors.load()
    }

    /// The short ciphertexts of each key and form.
    private func cases(_ forms: Set<String>) throws -> [(key: Key, ciphertext: Vectors.Ciphertext)] {
        try vectors.keys.flatMap { vector in
            let key = try Key.decoded(vector.storedEntry)
            return vector.ciphertexts.filter { forms.contains($0.form) && $0.plaintext.count < 100 }.map { (key, $0) }
        }
    }

    @Test func everyFlippedBitOfACurrentCiphertextFails() throws {
        for (key, vector) in try cases(["current"]) {
            for index in vector.ciphertext.indices {
                for bit in 0..<8 {
                    var changed = vector.ciphertext
                    changed[index] ^= 1 << bit
                    #expect(throws: EnvelopeError.notAuthentic, "bit \(bit) of byte \(index)") {
                        try key.decrypted(changed, context: vector.context)
                    }
                }
            }
        }
    }

    /// A change to the id, to the case of a member name or to unused bits of base64 changes nothing that is authenticated, so a
    /// legacy ciphertext may still decrypt: then to the same plaintext only.
    @Test func noFlippedBitOfALegacyCiphertextGivesAnotherPlaintext() throws {
        var failures = 0
        for (key, vector) in try cases(["legacy_json", "legacy_msgpack"]) {
            for index in vector.ciphertext.indices {
                for bit in 0..<8 {
                    var changed = vector.ciphertext
                    changed[index] ^= 1 << bit
                    do {
                        #expect(try key.decrypted(changed, context: vector.context) == vector.plaintext)
                    } catch {
                        #expect(error as? EnvelopeError == .notAuthentic)
                        failures += 1
                    }
                }
            }
        }
        #expect(failures > 10_000)
    }

    @Test func everyTruncationAndEveryExtensionFails() throws {
        for (key, vector) in try cases(["current", "legacy_json", "legacy_msgpack"]) {
            for count in 0..<vector.ciphertext.count {
                for part in [Data(vector.ciphertext.prefix(count)), Data(vector.ciphertext.suffix(count))] {
                    #expect(throws: EnvelopeError.notAuthentic) { try key.decrypted(part, context: vector.context) }
                }
            }
            #expect(throws: EnvelopeError.notAuthentic) {
                try key.decrypted(vector.ciphertext + [0], context: vector.context)
            }
        }
    }

    @Test func anotherContextFails() throws {
        for (key, vector) in try cases(["current", "legacy_json", "legacy_msgpack"]) {
            var contexts = [vector.context + [0], Data("other".utf8)]
            if !vector.context.isEmpty { contexts += [Data(), Data(vector.context.dropLast())] }
            for context in contexts {
                #expect(throws: EnvelopeError.notAuthentic) { try key.decrypted(vector.ciphertext, context: context) }
            }
        }
    }

    @Test func theKeysOfTheOthersFail() throws {
        let keys = try vectors.keys.map { try Key.decoded($0.storedEntry) }
        for (index, vector) in vectors.keys.enumerated() {
            for ciphertext in vector.ciphertexts {
                for (other, key) in keys.enumerated() where other != index {
                    #expect(throws: EnvelopeError.notAuthentic) {
                        try key.decrypted(ciphertext.ciphertext, context: ciphertext.context)
                    }
                }
            }
        }
    }
}
