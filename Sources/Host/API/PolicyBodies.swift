import NIOCore
import SecureBytes

/// The body of a policy that a request writes: patterns as the members of an object, as policies are read, or in an array.
struct PolicyBody {
    private(set) var allow: [String] = []
    private(set) var deny: [String] = []

    init(_ body: ByteBuffer) throws(RequestBodyError) {
        self = try parseBody(body) { json throws(JSONError) in try PolicyBody(&json) }
    }

    /// A member that occurs again adds to the first, as in Go: of two `deny` none is lost.
    private init(_ json: inout JSONScanner) throws(JSONError) {
        var policy = (allow: [String](), deny: [String]())
        try json.object { name, value throws(JSONError) in
            if name.matches("allow") {
                policy.allow += try Self.patterns(&value)
            } else if name.matches("deny") {
                policy.deny += try Self.patterns(&value)
            } else {
                try value.skipValue()
            }
        }
        (allow, deny) = policy
    }

    private static func patterns(_ value: inout JSONScanner) throws(JSONError) -> [String] {
        if try value.null() { return [] }
        var patterns: [String] = []
        if value.peek() == UInt8(ascii: "[") {
            try value.array { element throws(JSONError) in patterns.append(try element.string().text) }
        } else {
            try value.object { name, rule throws(JSONError) in
                patterns.append(name.text)
                try rule.skipValue()
            }
        }
        return patterns
    }
}

/// The body of an assignment: `{"identity":"…"}`.
struct AssignmentBody {
    private(set) var identity = ""

    init(_ body: ByteBuffer) throws(RequestBodyError) {
        identity = try parseBody(body) { json throws(JSONError) in
            var identity = ""
            try json.object { name, value throws(JSONError) in
                if name.matches("identity"), try !value.null() {
                    identity = try value.string().text
                } else if !name.matches("identity") {
                    try value.skipValue()
                }
            }
            return identity
        }
    }
}
