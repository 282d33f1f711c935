import FoundationEssentials
import SecureBytes

/// A new data key: in the clear, to encrypt with now, and encrypted under a key of the server, to keep beside the data.
public struct DataKey: Sendable {
    /// 32 random bytes.
    public let plaintext: SecretBytes
    /// For `KESClient.decrypt`, with the context that it was made with.
    public let ciphertext: [UInt8]
}

/// A ciphertext and the context that it was made with.
public struct CiphertextInContext: Sendable {
    public var ciphertext: [UInt8]
    public var context: [UInt8]

    public init(ciphertext: [UInt8], context: [UInt8] = []) {
        self.ciphertext = ciphertext
        self.context = context
    }
}

extension KESClient {
    /// Makes a data key under the key `name`. `context` is bound to it (as associated data) and needed to decrypt it.
    ///
    /// - Throws: `KESError.keyNotFound` when there is no such key, and so do the calls below.
    public func generateDataKey(_ name: String, context: [UInt8] = []) async throws(KESError) -> DataKey {
        let body = SecretText.assemble([.plain(#"{"context":"\#(Self.base64(context))"}"#)])
        let reply = try await put(RequestPath("/v1/key/generate/", name), body, repeatable: true)
        let fields = try byteFields(["plaintext", "ciphertext"], of: reply)
        guard fields[0].count > 0, fields[1].count > 0 else {
            throw .invalidResponse(reply.endpoint, reason: "the data key is missing")
        }
        return DataKey(plaintext: fields[0], ciphertext: fields[1].withUnsafeBytes { Array($0) })
    }

    /// Encrypts under the key `name`. `context` is bound to the ciphertext (as associated data) and needed to decrypt it.
    public func encrypt(_ name: String, plaintext: SecretBytes, context: [UInt8] = []) async throws(KESError) -> [UInt8] {
        let body = SecretText.assemble([
            .plain(#"{"plaintext":""#), .base64(plaintext), .plain(#"","context":"\#(Self.base64(context))"}"#),
        ])
        let reply = try await put(RequestPath("/v1/key/encrypt/", name), body, repeatable: true)
        let ciphertext = try byteFields(["ciphertext"], of: reply)[0]
        guard ciphertext.count > 0 else { throw .invalidResponse(reply.endpoint, reason: "the ciphertext is missing") }
        return ciphertext.withUnsafeBytes { Array($0) }
    }

    /// Decrypts what `encrypt` or `generateDataKey` made with the same key and context.
    ///
    /// - Throws: `KESError.notAuthentic` when it was made with others, or was changed.
    public func decrypt(_ name: String, ciphertext: [UInt8], context: [UInt8] = []) async throws(KESError) -> SecretBytes {
        let body = SecretText.assemble([.plain(Self.json(CiphertextInContext(ciphertext: ciphertext, context: context)))])
        let reply = try await put(RequestPath("/v1/key/decrypt/", name), body, repeatable: true)
        return try byteFields(["plaintext"], of: reply)[0]
    }

    /// Decrypts up to 1,000 ciphertexts in one call, all or none. The plaintexts come in the order of the ciphertexts.
    ///
    /// - Throws: `KESError.notAuthentic` when one of them was made with another key or context, or was changed.
    public func bulkDecrypt(_ name: String, _ ciphertexts: [CiphertextInContext]) async throws(KESError) -> [SecretBytes] {
        let body = SecretText.assemble([.plain("[" + ciphertexts.map(Self.json).joined(separator: ",") + "]")])
        let reply = try await put(RequestPath("/v1/key/bulk/decrypt/", name), body, repeatable: true)
        let plaintexts: [SecretBytes]
        do {
            plaintexts = try SecretJSON.byteFieldOfEach("plaintext", of: reply.body)
        } catch {
            throw .invalidResponse(reply.endpoint, reason: "\(error)")
        }
        guard plaintexts.count == ciphertexts.count else {
            throw .invalidResponse(reply.endpoint, reason: "\(plaintexts.count) plaintexts for \(ciphertexts.count) ciphertexts")
        }
        return plaintexts
    }

    /// HMAC-SHA256 of `message` under the HMAC key that belongs to the key `name`: 32 bytes.
    public func hmac(_ name: String, message: SecretBytes) async throws(KESError) -> SecretBytes {
        let body = SecretText.assemble([.plain(#"{"message":""#), .base64(message), .plain(#""}"#)])
        let reply = try await put(RequestPath("/v1/key/hmac/", name), body, repeatable: true)
        let code = try byteFields(["hmac"], of: reply)[0]
        guard code.count == 32 else { throw .invalidResponse(reply.endpoint, reason: "an HMAC of \(code.count) bytes") }
        return code
    }

    private func byteFields(_ names: [StaticString], of reply: Transport.Reply) throws(KESError) -> [SecretBytes] {
        do {
            return try SecretJSON.byteFields(names, of: reply.body)
        } catch {
            throw .invalidResponse(reply.endpoint, reason: "\(error)")
        }
    }

    private static func json(_ item: CiphertextInContext) -> String {
        #"{"ciphertext":"\#(base64(item.ciphertext))","context":"\#(base64(item.context))"}"#
    }

    // For what is not secret.
    private static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
