import Envelope
import Foundation
import SecureBytes
import Testing

/// Legacy ciphertexts in every spelling that a valid writer could use, made from a current one.
@Suite struct LegacyCiphertextTests {
    private static let plaintext = Data("plaintext".utf8)

    /// A current ciphertext in its parts.
    private struct Parts {
        let key: Key
        let sealed: Data
        let vector: Data
        let nonce: Data

        init(_ algorithm: KeyAlgorithm) throws {
            key = try Key(generating: algorithm, createdAt: Timestamp(seconds: 0, nanoseconds: 0), createdBy: "")
            let ciphertext = try key.encrypted(plaintext)
            sealed = Data(ciphertext.dropLast(28))
            vector = Data(ciphertext.suffix(28).prefix(16))
            nonce = Data(ciphertext.suffix(12))
        }
    }

    /// MessagePack's widths for the length of a str or bin, by their first byte.
    private static let widths: [UInt8] = [0xa0, 0xc4, 0xc5, 0xc6, 0xd9, 0xda, 0xdb]

    private func packed(_ bytes: Data, _ head: UInt8) -> Data {
        let count = UInt32(bytes.count)
        let length = withUnsafeBytes(of: count.bigEndian) { Data($0) }
        switch head {
        case 0xc4, 0xd9: return Data([head]) + length.suffix(1) + bytes
        case 0xc5, 0xda: return Data([head]) + length.suffix(2) + bytes
        case 0xc6, 0xdb: return Data([head]) + length + bytes
        default: return Data([0xa0 | UInt8(count)]) + bytes
        }
    }

    @Test(arguments: [
        ("AES256", KeyAlgorithm.aes256), ("AES256-GCM_SHA256", .aes256), ("ChaCha20", .chaCha20),
        ("XCHACHA20-POLY1305", .chaCha20),
    ])
    func everyMessagePackEncodingIsRead(spelling: String, algorithm: KeyAlgorithm) throws {
        let parts = try Parts(algorithm)
        for width in Self.widths {
            for other in Self.widths {
                let ciphertext =
                    Data([0x95]) + packed(Data(spelling.utf8), width) + packed(Data("id".utf8), other)
                    + packed(parts.vector, width)
                    + packed(parts.nonce, other) + packed(parts.sealed, width)
                #expect(try parts.key.decrypted(ciphertext) == Self.plaintext)
            }
        }
    }

    @Test func messagePackOfAnotherShapeFails() throws {
        let parts = try Parts(.aes256)
        func ciphertext(
            head: UInt8 = 0x95, name: String = "AES256", vector: Data? = nil, nonce: Data? = nil, tail: Data = Data()
        ) -> Data {
            Data([head]) + packed(Data(name.utf8), 0xa0) + packed(Data(), 0xa0) + packed(vector ?? parts.vector, 0xc4)
                + packed(nonce ?? parts.nonce, 0xc4) + packed(parts.sealed, 0xc4) + tail
        }
        #expect(try parts.key.decrypted(ciphertext()) == Self.plaintext)
        let broken = [
            ciphertext(head: 0x94), ciphertext(head: 0x96), ciphertext(name: "aes256"), ciphertext(name: ""),
            ciphertext(vector: parts.vector + [0]), ciphertext(nonce: parts.nonce.dropLast()), ciphertext(tail: Data([0xc0])),
            // A length of 4 GiB, an integer for the name.
            Data([0x95, 0xdb, 0xff, 0xff, 0xff, 0xff]) + parts.sealed, Data([0x95, 0x01]) + ciphertext().dropFirst(),
        ]
        for bytes in broken {
            #expect(throws: EnvelopeError.notAuthentic) { try parts.key.decrypted(bytes) }
        }
    }

    private func json(_ parts: Parts, _ algorithm: String) -> [(name: String, value: String)] {
        [
            ("aead", algorithm), ("id", "66687aadf862bd776c8fc18b8e9f8e20"), ("iv", parts.vector.base64EncodedString()),
            ("nonce", parts.nonce.base64EncodedString()), ("bytes", parts.sealed.base64EncodedString()),
        ]
    }

    private func object(_ members: some Collection<(name: String, value: String)>, tail: String = "") -> Data {
        Data(("{" + members.map { "\"\($0.name)\" : \"\($0.value)\"" }.joined(separator: " , ") + "}" + tail).utf8)
    }

    @Test(arguments: [("AES-256-GCM-HMAC-SHA-256", KeyAlgorithm.aes256), ("ChaCha20Poly1305", .chaCha20)])
    func jsonIsReadInAnyOrderAndSpelling(name: String, algorithm: KeyAlgorithm) throws {
        let parts = try Parts(algorithm)
        let members = json(parts, name)
        let escaped = members.map {
            (name: $0.name.uppercased(), value: $0.value.replacing("+", with: "\\u002b").replacing("/", with: "\\/"))
        }
        let variants = [
            object(members), object(members.reversed()), object(members.filter { $0.name != "id" }), object(escaped),
            object([(name: "iv", value: "AAAA")] + members), object(members, tail: " \n"),
            object(members + [(name: "new", value: "x")]),
        ]
        for ciphertext in variants { #expect(try parts.key.decrypted(ciphertext) == Self.plaintext) }
    }

    @Test func jsonOfAnotherShapeFails() throws {
        let parts = try Parts(.aes256)
        let members = json(parts, "AES-256-GCM-HMAC-SHA-256")
        var broken = [
            object(members, tail: "x"), object(members, tail: "{}"), object(json(parts, "ChaCha20Poly1305")), Data("{}".utf8),
        ]
        broken += [object(json(parts, "AES256")), object(members + [(name: "iv", value: "AAAA")])]
        broken += ["aead", "iv", "nonce", "bytes"].map { name in object(members.filter { $0.name != name }) }
        for bytes in broken {
            #expect(throws: EnvelopeError.notAuthentic) { try parts.key.decrypted(bytes) }
        }
    }

    /// Servers once chose the algorithm for each ciphertext, by the processor they ran on, under keys that named none.
    @Test func theAlgorithmThatTheCiphertextNamesDecides() throws {
        let secret = SecretBytes(Data(1...32))
        let time = Timestamp(seconds: 0, nanoseconds: 0)
        let keys = try KeyAlgorithm.allCases.map { try Key(importing: secret, algorithm: $0, createdAt: time, createdBy: "") }
        for key in keys {
            let ciphertext = try key.encrypted(Self.plaintext)
            let messagePack =
                Data([0x95]) + packed(Data(key.algorithm.name.utf8), 0xa0) + packed(Data(), 0xa0)
                + packed(Data(ciphertext.suffix(28).prefix(16)), 0xc4) + packed(Data(ciphertext.suffix(12)), 0xc4)
                + packed(Data(ciphertext.dropLast(28)), 0xc4)
            for other in keys { #expect(try other.decrypted(messagePack) == Self.plaintext) }
        }
    }
}
