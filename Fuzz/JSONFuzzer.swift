import SecureBytes

/// Reads a value as a caller does, by its type, and decodes every string in all ways.
private func walk(_ scanner: inout JSONScanner) throws(JSONError) {
    switch scanner.peek() {
    case UInt8(ascii: "{"):
        try scanner.object { name, value throws(JSONError) in
            check(name)
            try walk(&value)
        }
    case UInt8(ascii: "["): try scanner.array { element throws(JSONError) in try walk(&element) }
    case UInt8(ascii: "\""): check(try scanner.string())
    case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try scanner.boolean()
    case UInt8(ascii: "n"):
        let isNull = try scanner.null()
        precondition(isNull)
    default: try scanner.skipValue()
    }
}

private func check(_ string: JSONString) {
    precondition(string.hasEscapes || string.decoded.count == string.raw.count)
    precondition(string.decoded.count <= string.raw.count)
    precondition(!string.matches("ciphertext") || string.decoded.count == 10)
    _ = string.text
    _ = string.base64Decoded
}

/// Reading a text part by part and skipping it as a whole agree on whether it is JSON.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = UnsafeRawBufferPointer(start: bytes, count: count)
    func accepts(_ read: (inout JSONScanner) throws(JSONError) -> Void) -> Bool {
        var scanner = JSONScanner(text)
        do {
            try read(&scanner)
            try scanner.end()
            return true
        } catch {
            return false
        }
    }
    let walked = accepts(walk)
    let skipped = accepts { scanner throws(JSONError) in try scanner.skipValue() }
    precondition(walked == skipped)
    return 0
}
