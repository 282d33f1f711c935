import SecureBytes

/// A key as a keystore keeps it: base64 of the protobuf message `KeyVersion` (proto3), in ASCII.
///
/// ```
/// KeyVersion { SecretKey key = 1; HMACKey hmac_key = 2; google.protobuf.Timestamp created_at = 3; string created_by = 4; }
/// SecretKey  { bytes key = 1; uint32 type = 2; }
/// HMACKey    { bytes key = 1; uint32 hash = 2; }
/// ```
///
/// Entries of older servers are JSON: `{"bytes":B64,"algorithm":"…","created_at":"…","created_by":"…"}`. They are read, never written.
///
/// The codec is our own, for these three messages only: a general one copies the key into memory that nobody wipes.
public enum StoredEntry {
    /// HMACKey.hash: SHA-256.
    private static let sha256: UInt32 = 1

    /// The entry of `key`. An entry of the current form that was decoded comes out byte for byte as it was.
    public static func encode(_ key: Key) -> SecretBytes {
        let message = encodedMessage(of: key)
        return message.withUnsafeBytes { message in
            SecretBytes(count: Base64.encodedCount(message.count)) { _ = Base64.encode(message, into: $0) }
        }
    }

    /// Reads an entry of either form. White space around it is ignored.
    ///
    /// - Throws: `.malformedEntry` and, for a key that libcrypto cannot use, `.algorithmUnavailable`. Neither holds a byte of
    ///   the entry; the caller adds the key's name.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(EnvelopeError) -> Key {
        var (start, end) = (0, bytes.count)
        while end > 0, isSpace(bytes[end - 1]) { end -= 1 }
        while start < end, isSpace(bytes[start]) { start += 1 }
        guard start < end else { throw .malformedEntry("it is empty") }
        let entry = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        if entry[0] == UInt8(ascii: "{") { return try decode(legacy: entry) }
        guard let message = Base64.decodeSecret(entry) else { throw .malformedEntry("it is neither base64 nor a JSON object") }
        return try message.withUnsafeBytes { message throws(EnvelopeError) in try decode(message: message) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0d].contains(byte) }

    // MARK: The current form

    private static func encodedMessage(of key: Key) -> SecretBytes {
        func write(to writer: inout ProtobufWriter) {
            writer.message(1) { writer in
                key.secret.withUnsafeBytes { writer.bytes(1, $0) }
                writer.varint(2, UInt64(key.algorithm.rawValue))
            }
            if let hmacSecret = key.hmacSecret {
                writer.message(2) { writer in
                    hmacSecret.withUnsafeBytes { writer.bytes(1, $0) }
                    writer.varint(2, UInt64(sha256))
                }
            }
            writer.message(3) { writer in
                writer.varint(1, UInt64(bitPattern: key.createdAt.seconds))
                writer.varint(2, UInt64(bitPattern: Int64(key.createdAt.nanoseconds)))
            }
            var creator = key.createdBy
            creator.withUTF8 { writer.bytes(4, UnsafeRawBufferPointer($0)) }
        }
        var measuring = ProtobufWriter(measuring: ())
        write(to: &measuring)
        return SecretBytes(count: measuring.count) { target in
            var writer = ProtobufWriter(target)
            write(to: &writer)
        }
    }

    /// The fields of the three messages. A field that occurs again replaces the first, and a message merges into it.
    private struct Fields {
        var secret = UnsafeRawBufferPointer(start: nil, count: 0)
        var type: UInt32 = 0
        var hmacSecret = UnsafeRawBufferPointer(start: nil, count: 0)
        var hash: UInt32 = 0
        var createdAt = Timestamp(seconds: 0, nanoseconds: 0)
        var createdBy = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    private static func decode(message: UnsafeRawBufferPointer) throws(EnvelopeError) -> Key {
        var fields = Fields()
        do throws(ProtobufError) {
            // Unknown fields, and known ones of another wire type, are skipped.
            try ProtobufReader.forEachField(of: message) { number, value throws(ProtobufError) in
                switch (number, value) {
                case (1, .bytes(let secretKey)):
                    try ProtobufReader.forEachField(of: secretKey) { number, value in
                        if case (1, .bytes(let bytes)) = (number, value) { fields.secret = bytes }
                        if case (2, .varint(let type)) = (number, value) { fields.type = UInt32(truncatingIfNeeded: type) }
                    }
                case (2, .bytes(let hmacKey)):
                    try ProtobufReader.forEachField(of: hmacKey) { number, value in
                        if case (1, .bytes(let bytes)) = (number, value) { fields.hmacSecret = bytes }
                        if case (2, .varint(let hash)) = (number, value) { fields.hash = UInt32(truncatingIfNeeded: hash) }
                    }
                case (3, .bytes(let timestamp)):
                    try ProtobufReader.forEachField(of: timestamp) { number, value in
                        guard case .varint(let bits) = value else { return }
                        if number == 1 { fields.createdAt.seconds = Int64(bitPattern: bits) }
                        if number == 2 { fields.createdAt.nanoseconds = Int32(truncatingIfNeeded: bits) }
                    }
                case (4, .bytes(let name)): fields.createdBy = name
                case (_, .bytes), (_, .varint), (_, .other): break
                }
            }
        } catch {
            throw .malformedEntry("its base64 holds no valid protobuf message")
        }
        return try key(from: fields)
    }

    private static func key(from fields: Fields) throws(EnvelopeError) -> Key {
        guard fields.secret.count == Key.secretByteCount else { throw .malformedEntry("its key is not 32 bytes long") }
        guard let algorithm = KeyAlgorithm(rawValue: fields.type) else {
            throw .malformedEntry("its key is of the unknown type \(fields.type)")
        }
        guard fields.createdAt.isValid else { throw .malformedEntry("its time of creation is out of range") }
        guard let createdBy = String(validating: fields.createdBy, as: UTF8.self) else {
            throw .malformedEntry("the name of its creator is not UTF-8")
        }
        var hmacSecret: SecretBytes?
        // An empty HMACKey message says no more than none.
        if fields.hash != 0 || fields.hmacSecret.count > 0 {
            guard fields.hash == sha256 else { throw .malformedEntry("its HMAC key is of the unknown hash \(fields.hash)") }
            guard fields.hmacSecret.count == Key.secretByteCount else {
                throw .malformedEntry("its HMAC key is not 32 bytes long")
            }
            hmacSecret = SecretBytes(copying: fields.hmacSecret)
        }
        return try Key(
            secret: SecretBytes(copying: fields.secret), hmacSecret: hmacSecret, algorithm: algorithm,
            createdAt: fields.createdAt, createdBy: createdBy)
    }

    // MARK: The legacy form

    private static func decode(legacy entry: UnsafeRawBufferPointer) throws(EnvelopeError) -> Key {
        var scanner = JSONScanner(entry)
        var secret: SecretBytes?
        // Entries from before there was a choice name no algorithm.
        var algorithm: KeyAlgorithm? = .aes256
        var createdAt: Timestamp? = .unset
        var createdBy = ""
        do throws(JSONError) {
            try scanner.object { name, value throws(JSONError) in
                if try value.null() { return }
                if name.matches("bytes") {
                    secret = try value.string().base64Decoded
                } else if name.matches("algorithm") {
                    let spelling = try value.string().text
                    algorithm = spelling.isEmpty ? .aes256 : KeyAlgorithm(spelling: spelling)
                } else if name.matches("created_at") {
                    createdAt = Timestamp(try value.string().text)
                } else if name.matches("created_by") {
                    createdBy = try value.string().text
                } else {
                    try value.skipValue()
                }
            }
            try scanner.end()
        } catch {
            throw .malformedEntry("it begins like JSON and is not the JSON object of a key")
        }
        guard let secret, secret.count == Key.secretByteCount else {
            throw .malformedEntry("its member \"bytes\" is not the base64 of 32 bytes")
        }
        guard let algorithm else { throw .malformedEntry("its member \"algorithm\" names no known algorithm") }
        guard let createdAt else { throw .malformedEntry("its member \"created_at\" is not a time as in RFC 3339") }
        return try Key(secret: secret, hmacSecret: nil, algorithm: algorithm, createdAt: createdAt, createdBy: createdBy)
    }
}
