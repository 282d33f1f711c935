import SecureBytes

/// Which cipher a key works with.
public enum KeyCipher: String, Sendable {
    /// AES-256-GCM with a key derived for each ciphertext.
    case aes256 = "AES256"
    /// ChaCha20-Poly1305 with a key derived for each ciphertext.
    case chaCha20 = "ChaCha20"
}

/// What a server tells about a key. The key itself never leaves it.
public struct KeyDescription: Sendable, Equatable, Decodable {
    public let name: String
    /// The cipher as the server names it.
    public let algorithm: String
    public let createdAt: Timestamp
    /// The identity of who created or imported it.
    public let createdBy: String

    private enum CodingKeys: String, CodingKey {
        case name
        case algorithm
        case createdAt = "created_at"
        case createdBy = "created_by"
    }
}

extension KESClient {
    /// Makes a new key under `name`.
    ///
    /// - Throws: `KESError.keyExists` when there is one.
    public func createKey(_ name: String) async throws(KESError) {
        _ = try await put(RequestPath("/v1/key/create/", name), repeatable: false)
    }

    /// Stores 32 bytes as the key `name`.
    ///
    /// - Throws: `KESError.keyExists` when there is one.
    public func importKey(_ name: String, key: SecretBytes, cipher: KeyCipher = .aes256) async throws(KESError) {
        let body = SecretText.assemble([.plain(#"{"key":""#), .base64(key), .plain(#"","cipher":"\#(cipher.rawValue)"}"#)])
        _ = try await put(RequestPath("/v1/key/import/", name), body, repeatable: false)
    }

    /// What the server knows about the key `name`.
    ///
    /// - Throws: `KESError.keyNotFound` when there is none.
    public func describeKey(_ name: String) async throws(KESError) -> KeyDescription {
        try JSONReply.decode(KeyDescription.self, from: try await get(RequestPath("/v1/key/describe/", name)))
    }

    /// Deletes the key `name`, and with it whatever was encrypted under it.
    ///
    /// - Throws: `KESError.keyNotFound` when there is none.
    public func deleteKey(_ name: String) async throws(KESError) {
        try await delete(RequestPath("/v1/key/delete/", name))
    }

    /// The names that start with `prefix`, one after the other in bytewise order. Pages are fetched when they are needed.
    public func listKeys(prefix: String = "") -> NameListing {
        NameListing(prefix: prefix) { (pattern) async throws(KESError) in try await self.keyPage(pattern) }
    }

    /// One page of names: the first one for a prefix, or the one that follows another, by its `continueAt`.
    public func keyPage(_ pattern: String = "") async throws(KESError) -> NamePage {
        let reply = try await get(RequestPath("/v1/key/list/", pattern))
        return try JSONReply.decode(NamedPage.self, from: reply).page
    }
}
