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
            throw .invalidResponse(reply.endpoint, reason: reason(error))
        }
    }

    /// Which member is wrong, without what it holds.
    private static func reason(_ error: any Error) -> String {
        func name(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
        var path: [any CodingKey] = []
        switch error as? DecodingError {
        case .keyNotFound(let key, let context): return "the member '\(name(context.codingPath + [key]))' is missing"
        case .typeMismatch(_, let context): path = context.codingPath
        case .valueNotFound(_, let context): path = context.codingPath
        case .dataCorrupted(let context): path = context.codingPath
        default: break
        }
        return path.isEmpty ? "it is not the JSON that was asked for" : "the member '\(name(path))' is not what it has to be"
    }
}
