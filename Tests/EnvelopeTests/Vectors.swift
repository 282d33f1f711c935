import Envelope
import Foundation
import SecureBytes

/// Known answers, made by running a KES server: kes-formats.json.
struct Vectors: Decodable {
    struct Key: Decodable {
        var name: String
        var algorithm: String
        var secretKey: Data
        var hmacKey: Data
        var createdAtUnix: Int64
        var createdAtNanos: Int32
        var createdBy: String
        var storedEntry: String
        var storedEntryLegacyJson: String
        var ciphertexts: [Ciphertext]
        var hmacs: [HMAC]
    }

    struct Ciphertext: Decodable {
        var form: String
        var plaintext: Data
        var context: Data
        var ciphertext: Data
    }

    struct HMAC: Decodable {
        var message: Data
        var hmac: Data
    }

    var keys: [Key]

    static func load() throws -> Vectors {
        guard let file = Bundle.module.url(forResource: "kes-formats", withExtension: "json") else {
            throw CocoaError(.fileNoSuchFile)
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Vectors.self, from: Data(contentsOf: file))
    }
}

extension Key {
    static func decoded(_ entry: String) throws -> Key {
        try Data(entry.utf8).withUnsafeBytes { try StoredEntry.decode($0) }
    }

    /// Whether the key has an HMAC key.
    var supportsHMAC: Bool { (try? authenticated(Data())) != nil }

    func encrypted(_ plaintext: Data, context: Data = Data()) throws -> Data {
        var output = Data(count: plaintext.count + Key.overhead)
        try output.withUnsafeMutableBytes { output in
            try plaintext.withUnsafeBytes { plaintext in
                try context.withUnsafeBytes { try encrypt(plaintext, associatedData: $0, into: output) }
            }
        }
        return output
    }

    func decrypted(_ ciphertext: Data, context: Data = Data()) throws -> Data {
        try ciphertext.withUnsafeBytes { ciphertext in
            try context.withUnsafeBytes { try decrypt(ciphertext, associatedData: $0) }
        }.data
    }

    func authenticated(_ message: Data) throws -> Data {
        var output = Data(count: 32)
        try output.withUnsafeMutableBytes { output in try message.withUnsafeBytes { try hmac($0, into: output) } }
        return output
    }
}

extension SecretBytes {
    var data: Data { withUnsafeBytes { Data($0) } }

    convenience init(_ bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    var string: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

extension Data {
    /// Parses hexadecimal digits; white space between them is ignored.
    init(hexadecimal text: String) {
        let digits = text.filter { !$0.isWhitespace }
        self.init()
        var index = digits.startIndex
        while index < digits.endIndex {
            let next = digits.index(index, offsetBy: 2)
            append(UInt8(digits[index..<next], radix: 16) ?? 0)
            index = next
        }
    }
}
