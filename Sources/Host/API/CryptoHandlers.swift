import Envelope
import NIOCore
import SecureBytes

/// What keys are for: data keys, encryption, decryption, message authentication.
///
/// With the key in the cache each of these is answered at once, on the event loop.
enum CryptoHandlers {
    /// Bytes of a data key.
    private static let dataKeyByteCount = 32
    /// Bytes of an HMAC-SHA256.
    private static let hmacByteCount = 32

    static func generate(_ request: Request, _ api: API) -> Outcome {
        .withKey(request, api) { request, _, key in
            let fields = request.body.readableBytes == 0 ? ByteFields() : try ByteFields(request.body)
            var writer = JSONWriter()
            // On the stack and not in `SecretBytes`: it lives for some lines only.
            try withWipedBytes(count: dataKeyByteCount) { dataKey in
                try fillWithRandomBytes(dataKey)
                let dataKey = UnsafeRawBufferPointer(dataKey)
                try writer.object { answer throws in
                    answer.member("plaintext", base64: dataKey)
                    try encrypt(dataKey, fields.context, with: key, into: &answer)
                }
            }
            return .json(writer.buffer)
        }
    }

    static func encrypt(_ request: Request, _ api: API) -> Outcome {
        .withKey(request, api) { request, _, key in
            let fields = try ByteFields(request.body)
            var writer = JSONWriter()
            try writer.object { answer throws in
                try fields.plaintext.withUnsafeBytes { try encrypt($0, fields.context, with: key, into: &answer) }
            }
            return .json(writer.buffer)
        }
    }

    static func decrypt(_ request: Request, _ api: API) -> Outcome {
        .withKey(request, api) { request, _, key in
            let fields = try ByteFields(request.body)
            let plaintext = try decrypt(fields, with: key)
            var writer = JSONWriter(capacity: 32 + Base64.encodedCount(plaintext.count))
            writer.object { answer in
                plaintext.withUnsafeBytes { answer.member("plaintext", base64: $0) }
            }
            return .json(writer.buffer)
        }
    }

    static func bulkDecrypt(_ request: Request, _ api: API) -> Outcome {
        .withKey(request, api) { request, _, key in
            let plaintexts = try ByteFields.array(request.body).map { try decrypt($0, with: key) }
            // Never grown, which would leave a copy of plaintexts behind.
            let capacity = plaintexts.reduce(16) { $0 + 32 + Base64.encodedCount($1.count) }
            var writer = JSONWriter(capacity: capacity)
            writer.array { list in
                for plaintext in plaintexts {
                    list.object { answer in
                        plaintext.withUnsafeBytes { answer.member("plaintext", base64: $0) }
                    }
                }
            }
            return .json(writer.buffer)
        }
    }

    static func hmac(_ request: Request, _ api: API) -> Outcome {
        .withKey(request, api) { request, _, key in
            let fields = try ByteFields(request.body)
            var writer = JSONWriter()
            try withUnsafeTemporaryAllocation(byteCount: hmacByteCount, alignment: 16) { digest in
                try fields.message.withUnsafeBytes { try key.hmac($0, into: digest) }
                writer.object { $0.member("hmac", base64: UnsafeRawBufferPointer(digest)) }
            }
            return .json(writer.buffer)
        }
    }

    private static func encrypt(
        _ plaintext: UnsafeRawBufferPointer, _ context: SecretBytes, with key: Key, into answer: inout JSONWriter
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: plaintext.count + Key.overhead, alignment: 16) { ciphertext in
            try context.withUnsafeBytes { try key.encrypt(plaintext, associatedData: $0, into: ciphertext) }
            answer.member("ciphertext", base64: UnsafeRawBufferPointer(ciphertext))
        }
    }

    private static func decrypt(_ fields: ByteFields, with key: Key) throws -> SecretBytes {
        try fields.ciphertext.withUnsafeBytes { ciphertext in
            try fields.context.withUnsafeBytes { try key.decrypt(ciphertext, associatedData: $0) }
        }
    }
}
