import SecureBytes

/// A ciphertext of one of the two forms that came before the current one: a JSON object, or a MessagePack array.
///
/// Both name an algorithm, and it decides how to decrypt: keys of that time did not all record their own.
struct LegacyCiphertext {
    private let algorithm: KeyAlgorithm
    /// The 16-byte IV and the 12-byte nonce behind it.
    private let vectorAndNonce: SecretBytes
    private let sealed: SecretBytes

    /// Parses either form, or returns nil: then the bytes are a current ciphertext, or none at all.
    init?(_ ciphertext: UnsafeRawBufferPointer) {
        switch ciphertext.first {
        case UInt8(ascii: "{"): self.init(json: ciphertext)
        case 0x95: self.init(messagePack: ciphertext)
        default: return nil
        }
    }

    func decrypt(with key: Key, associatedData: UnsafeRawBufferPointer) throws(EnvelopeError) -> SecretBytes {
        try sealed.withUnsafeBytes { sealed throws(EnvelopeError) in
            try vectorAndNonce.withUnsafeBytes { vectorAndNonce throws(EnvelopeError) in
                try key.open(sealed, associatedData: associatedData, algorithm: algorithm, vectorAndNonce: vectorAndNonce)
            }
        }
    }

    private init?(algorithm: KeyAlgorithm, vector: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer, sealed: SecretBytes) {
        guard vector.count == Key.initialisationVectorByteCount, nonce.count == AEAD.nonceByteCount else { return nil }
        self.algorithm = algorithm
        self.sealed = sealed
        vectorAndNonce = SecretBytes(count: vector.count + nonce.count) { bytes in
            bytes.copyMemory(from: vector)
            UnsafeMutableRawBufferPointer(rebasing: bytes[vector.count...]).copyMemory(from: nonce)
        }
    }

    /// `{"aead":"AES-256-GCM-HMAC-SHA-256","id":"…","iv":"…","nonce":"…","bytes":"…"}`, the last three in base64.
    private init?(json: UnsafeRawBufferPointer) {
        var scanner = JSONScanner(json)
        var algorithm: KeyAlgorithm?
        var (vector, nonce, sealed): (SecretBytes?, SecretBytes?, SecretBytes?)
        do throws(JSONError) {
            try scanner.object { name, value throws(JSONError) in
                if name.matches("aead") {
                    algorithm = Self.algorithm(legacyName: try value.string().text)
                } else if name.matches("iv") {
                    vector = try value.string().base64Decoded
                } else if name.matches("nonce") {
                    nonce = try value.string().base64Decoded
                } else if name.matches("bytes") {
                    sealed = try value.string().base64Decoded
                } else {
                    try value.skipValue()
                }
            }
            try scanner.end()
        } catch {
            return nil
        }
        guard let algorithm, let vector, let nonce, let sealed else { return nil }
        // Closures, so that both are lent at once.
        let parsed = vector.withUnsafeBytes { vector in
            nonce.withUnsafeBytes { nonce in Self(algorithm: algorithm, vector: vector, nonce: nonce, sealed: sealed) }
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// An array of five: algorithm, id, IV, nonce, sealed bytes.
    private init?(messagePack: UnsafeRawBufferPointer) {
        var reader = MessagePackReader(messagePack)
        guard reader.takeByte(0x95), let name = reader.content(), reader.content() != nil,
            let vector = reader.content(), let nonce = reader.content(), let sealed = reader.content(), reader.isAtEnd,
            let algorithm = KeyAlgorithm(spelling: String(decoding: name, as: UTF8.self))
        else { return nil }
        self.init(algorithm: algorithm, vector: vector, nonce: nonce, sealed: SecretBytes(copying: sealed))
    }

    private static func algorithm(legacyName: String) -> KeyAlgorithm? {
        switch legacyName {
        case "AES-256-GCM-HMAC-SHA-256": .aes256
        case "ChaCha20Poly1305": .chaCha20
        default: nil
        }
    }
}

/// Reads strings and byte strings of MessagePack (github.com/msgpack/msgpack, spec.md), in every width that a writer may choose.
private struct MessagePackReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func takeByte(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// The content of a str or bin. Writers from before the bin family write bytes as str, so both are taken for both.
    mutating func content() -> UnsafeRawBufferPointer? {
        guard offset < bytes.count else { return nil }
        let head = bytes[offset]
        offset += 1
        let count: Int?
        switch head {
        case 0xa0...0xbf: count = Int(head & 0x1f)
        case 0xc4, 0xd9: count = bigEndian(byteCount: 1)
        case 0xc5, 0xda: count = bigEndian(byteCount: 2)
        case 0xc6, 0xdb: count = bigEndian(byteCount: 4)
        default: count = nil
        }
        guard let count, bytes.count - offset >= count else { return nil }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    private mutating func bigEndian(byteCount: Int) -> Int? {
        guard bytes.count - offset >= byteCount else { return nil }
        defer { offset += byteCount }
        return bytes[offset..<offset + byteCount].reduce(0) { $0 << 8 | Int($1) }
    }
}
