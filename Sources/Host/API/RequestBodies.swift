import NIOCore
import SecureBytes

/// A request's body is not the JSON that the route takes.
struct RequestBodyError: Error {}

/// The byte fields of a request: what is to be encrypted, decrypted or authenticated, and its context.
///
/// Each is base64 in JSON. A field that is absent or `null` is empty. Members that are not known are ignored.
struct ByteFields {
    // Optional, because most requests have one or two of them, and nil costs no reference count.
    private var given: (plaintext: SecretBytes?, ciphertext: SecretBytes?, context: SecretBytes?, message: SecretBytes?)

    var plaintext: SecretBytes { given.plaintext ?? .empty }
    var ciphertext: SecretBytes { given.ciphertext ?? .empty }
    var context: SecretBytes { given.context ?? .empty }
    var message: SecretBytes { given.message ?? .empty }

    /// Objects in a bulk request at most.
    private static let arrayLimit = 1000

    init() {}

    /// Reads an object.
    init(_ body: ByteBuffer) throws(RequestBodyError) {
        self = try parseBody(body) { json throws(JSONError) in try ByteFields(&json) }
    }

    /// Reads an array of objects.
    static func array(_ body: ByteBuffer) throws(RequestBodyError) -> [ByteFields] {
        let fields = try parseBody(body) { json throws(JSONError) in
            var fields: [ByteFields] = []
            try json.array { element throws(JSONError) in
                guard fields.count < arrayLimit else { throw .unexpectedType(offset: element.offset) }
                fields.append(try ByteFields(&element))
            }
            return fields
        }
        return fields
    }

    private init(_ json: inout JSONScanner) throws(JSONError) {
        var fields = ByteFields()
        try json.object { name, value throws(JSONError) in
            if name.matches("context") {
                fields.given.context = try Self.bytes(&value)
            } else if name.matches("plaintext") {
                fields.given.plaintext = try Self.bytes(&value)
            } else if name.matches("ciphertext") {
                fields.given.ciphertext = try Self.bytes(&value)
            } else if name.matches("message") {
                fields.given.message = try Self.bytes(&value)
            } else {
                try value.skipValue()
            }
        }
        self = fields
    }

    private static func bytes(_ value: inout JSONScanner) throws(JSONError) -> SecretBytes {
        if try value.null() { return .empty }
        let offset = value.offset
        guard let bytes = try value.string().base64Decoded else { throw .unexpectedType(offset: offset) }
        return bytes
    }
}

/// The body of an import.
struct ImportBody {
    private(set) var key = SecretBytes.empty
    private(set) var cipher = ""

    init(_ body: ByteBuffer) throws(RequestBodyError) {
        let fields = try parseBody(body) { json throws(JSONError) in
            var key: SecretBytes?
            var cipher = ""
            try json.object { name, value throws(JSONError) in
                let offset = value.offset
                if name.matches("key"), try !value.null() {
                    key = try value.string().base64Decoded
                    if key == nil { throw .unexpectedType(offset: offset) }
                } else if name.matches("cipher"), try !value.null() {
                    cipher = try value.string().text
                } else if !name.matches("key"), !name.matches("cipher") {
                    try value.skipValue()
                }
            }
            return (key, cipher)
        }
        if let key = fields.0 { self.key = key }
        cipher = fields.1
    }
}

/// Reads a body that is one JSON text and nothing else.
func parseBody<Value>(
    _ body: ByteBuffer, _ read: (inout JSONScanner) throws(JSONError) -> Value
) throws(RequestBodyError) -> Value {
    do {
        return try body.withUnsafeReadableBytes { bytes throws(JSONError) in
            var json = JSONScanner(bytes)
            let value = try read(&json)
            try json.end()
            return value
        }
    } catch {
        throw RequestBodyError()
    }
}
