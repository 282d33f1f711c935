import FoundationEssentials
import SecureBytes

/// Reads the JSON of answers that hold no secrets.
enum JSONReply {
    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from reply: Transport.Reply) throws(KESError) -> Value {
        let bytes = reply.body.withUnsafeBytes { Array($0) }
        do {
            return try decode(type, from: bytes)
        } catch {
            throw .invalidResponse(reply.endpoint, reason: "a member is missing or of another type")
        }
    }
}
