import Envelope
import Foundation
import SecureBytes
import Testing

/// A protobuf field with a length: a string, bytes or a message.
private func field(_ number: UInt8, _ bytes: Data) -> Data { Data([number << 3 | 2, UInt8(bytes.count)]) + bytes }

/// A protobuf field with a small number.
private func field(_ number: UInt8, _ value: UInt8) -> Data { Data([number << 3, value]) }

private func joined(_ parts: Data...) -> Data { Data(parts.joined()) }

@Suite struct StoredEntryTests {
    private static let secret = Data((0..<32).map { UInt8($0 + 0x40) })
    private static let hmacSecret = Data(repeating: 0xbb, count: 32)

    private static let keyField = field(1, joined(field(1, secret), field(2, 1)))
    private static let hmacField = field(2, joined(field(1, hmacSecret), field(2, 1)))
    private static let timeField = field(3, joined(field(1, 100), field(2, 5)))
    private static let creatorField = field(4, Data("me".utf8))
    private static let message = joined(keyField, hmacField, timeField, creatorField)

    private func decode(_ message: Data) throws -> Key {
        try Key.decoded(message.base64EncodedString())
    }

    /// Decodes what must be refused, and checks that the error tells nothing of the bytes.
    private func refusal(_ entry: String) -> EnvelopeError? {
        do {
            _ = try Key.decoded(entry)
            return nil
        } catch {
            let text = "\(error)"
            #expect(!text.contains("@ABC") && !text.contains(Self.secret.base64EncodedString()))
            return error as? EnvelopeError
        }
    }

    private func isMalformed(_ entry: String) -> Bool {
        if case .malformedEntry = refusal(entry) { true } else { false }
    }

    @Test func theMessageIsWrittenAsSpecified() throws {
        let key = try decode(Self.message)
        #expect(key.algorithm == .aes256)
        #expect(key.createdAt == Timestamp(seconds: 100, nanoseconds: 5))
        #expect(key.createdBy == "me")
        #expect(StoredEntry.encode(key).string == Self.message.base64EncodedString())
    }

    @Test(
        arguments: KeyAlgorithm.allCases,
        [(0, 0, ""), (-1, 999_999_999, "ü"), (253_402_300_799, 1, String(repeating: "x", count: 300))])
    func everyKeyComesBack(algorithm: KeyAlgorithm, fields: (Int64, Int32, String)) throws {
        let (seconds, nanoseconds, creator) = fields
        let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        let key = try Key(generating: algorithm, createdAt: time, createdBy: creator)
        let entry = StoredEntry.encode(key)
        let again = try Key.decoded(entry.string)
        #expect(again.algorithm == algorithm && again.createdAt == time && again.createdBy == creator)
        #expect(StoredEntry.encode(again) == entry)
        #expect(try again.decrypted(key.encrypted(Data([1]))) == Data([1]))
        #expect(try again.authenticated(Data([1])) == key.authenticated(Data([1])))
    }

    @Test func fieldsMayComeInAnyOrderWithUnknownOnesBetween() throws {
        let unknown: [Data] = [
            field(5, 7), field(6, Data("more".utf8)), Data(hexadecimal: "3d 01020304"), Data(hexadecimal: "41 0102030405060708"),
            // The group 9 that holds a number, bytes and an empty group.
            Data(hexadecimal: "4b 0809 1201ff 1b1c 4c"),
            // The number of the key, with a wire type that a key is not.
            field(1, 5),
        ]
        let expected = StoredEntry.encode(try decode(Self.message))
        for extra in unknown {
            let message = joined(
                extra, Self.creatorField, extra, Self.timeField, Self.hmacField, extra, Self.keyField, extra)
            #expect(StoredEntry.encode(try decode(message)) == expected)
        }
    }

    @Test func theLastOccurrenceWinsAndMessagesMerge() throws {
        let expected = StoredEntry.encode(try decode(Self.message))
        let other = Data(repeating: 1, count: 32)
        let doubled = joined(field(1, joined(field(1, other), field(2, 2))), field(4, Data("you".utf8)), Self.message)
        #expect(StoredEntry.encode(try decode(doubled)) == expected)
        let split = joined(
            field(1, field(1, Self.secret)), Self.hmacField, field(3, field(1, 100)), Self.creatorField, field(1, field(2, 1)),
            field(3, field(2, 5)))
        #expect(StoredEntry.encode(try decode(split)) == expected)
    }

    @Test(arguments: ["\n", "\r\n", "  \t\n\n"])
    func whiteSpaceAroundTheEntryIsIgnored(space: String) throws {
        let entry = Self.message.base64EncodedString()
        let legacy = #"{"bytes":"\#(Self.secret.base64EncodedString())"}"#
        #expect(try Key.decoded(entry + space).createdBy == "me")
        #expect(try Key.decoded(space + entry).createdBy == "me")
        #expect(try Key.decoded(legacy + space).algorithm == .aes256)
        #expect(try Key.decoded(space + legacy).algorithm == .aes256)
        #expect(isMalformed(space))
    }

    @Test func anEmptyHMACMessageSaysNoMoreThanNone() throws {
        #expect(try !decode(Self.keyField + field(2, Data())).supportsHMAC)
        #expect(try !decode(Self.keyField).supportsHMAC)
    }

    @Test func everyTruncationIsMalformedOrLacksWhatCameLast() throws {
        for count in 0..<Self.message.count {
            let prefix = Data(Self.message.prefix(count))
            // The entry may end between its fields, once the key is there.
            let ends = [
                Self.keyField.count, Self.keyField.count + Self.hmacField.count, Self.message.count - Self.creatorField.count,
            ]
            #expect(isMalformed(prefix.base64EncodedString()) == !ends.contains(count), "\(count) bytes")
        }
    }

    @Test(arguments: [
        "", "\n", "not base64!", "{", "{}", "[]", "null", "AAAA", "{\"bytes\":\"AAAA\"}", "{\"bytes\":5}", "{\"bytes\":null}",
        "é",
    ])
    func whatIsNeitherFormIsMalformed(entry: String) {
        #expect(isMalformed(entry))
    }

    @Test func messagesThatDescribeNoKeyAreMalformed() {
        let secret = Self.secret
        let hmacSecret = Self.hmacSecret
        // A key that is absent, too short, too long, or of type 0 or 3.
        let keys: [Data] = [
            Data(), field(4, Data("me".utf8)), field(1, joined(field(1, secret.dropLast()), field(2, 1))),
            field(1, joined(field(1, secret + [0]), field(2, 1))), field(1, field(1, secret)),
            field(1, joined(field(1, secret), field(2, 3))),
        ]
        let tails: [Data] = [
            // An HMAC key that is too short, without a hash, of another hash, and a hash without one.
            field(2, joined(field(1, hmacSecret.dropLast()), field(2, 1))), field(2, field(1, hmacSecret)),
            field(2, joined(field(1, hmacSecret), field(2, 2))), field(2, field(2, 1)),
            // Seconds and nanoseconds out of range, a creator that is not UTF-8.
            field(3, Data(hexadecimal: "08 ffffffffffffffff7f")), field(3, Data(hexadecimal: "10 8094ebdc03")),
            field(4, Data([0xff])),
            // Field number 0, wire types 6 and 7.
            Data(hexadecimal: "0001"), Data(hexadecimal: "2e01"), Data(hexadecimal: "2f01"),
            // A group that does not end, one that ends another, one that never began, a thousand in each other.
            Data(hexadecimal: "2b"), Data(hexadecimal: "2b34"), Data(hexadecimal: "2c"), Data(repeating: 0x2b, count: 1000),
            // A number of more than 64 bits, a length beyond the end, and one beyond all memory.
            Data(hexadecimal: "28 ffffffffffffffffff02"), Data(hexadecimal: "2a 05 01"),
            Data(hexadecimal: "2a ffffffffffffffffff01"),
        ]
        let broken = keys + tails.map { joined(Self.keyField, $0) }
        for (index, message) in broken.enumerated() { #expect(isMalformed(message.base64EncodedString()), "message \(index)") }
    }

    @Test(arguments: [
        (#""algorithm":"""#, "AES256"), (#""algorithm":null"#, "AES256"), (#""algorithm":"AES256""#, "AES256"),
        (#""ALGORITHM":"ChaCha20""#, "ChaCha20"), (#""algorithm":"XCHACHA20-POLY1305","id":{"a":[1]}"#, "ChaCha20"),
    ])
    func legacyEntriesNameTheirAlgorithmInAnySpellingOrNone(member: String, name: String) throws {
        let key = try Key.decoded(#"{"bytes":"\#(Self.secret.base64EncodedString())",\#(member)}"#)
        #expect(key.algorithm.name == name)
        #expect(key.createdAt.description == "0001-01-01T00:00:00Z")
        #expect(key.createdBy.isEmpty)
    }

    @Test(arguments: [
        #""algorithm":"aes256""#, #""algorithm":"DES""#, #""created_at":"yesterday""#, #""created_at":5"#, #""bytes":"?""#,
    ])
    func legacyEntriesThatSayWhatCannotBeAreMalformed(member: String) {
        #expect(isMalformed(#"{"bytes":"\#(Self.secret.base64EncodedString())",\#(member)}"#))
    }
}
