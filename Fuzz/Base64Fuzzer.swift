import SecureBytes

/// RFC 4648, one character at a time, with what the decoder takes beyond it: line breaks, and unused bits other than zero.
private func reference(_ text: [UInt8]) -> [UInt8]? {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var characters = text.filter { $0 != 0x0a && $0 != 0x0d }
    guard characters.count % 4 == 0 else { return nil }
    var paddings = 0
    while paddings < 2, characters.last == UInt8(ascii: "=") {
        characters.removeLast()
        paddings += 1
    }
    var bytes: [UInt8] = []
    var (bits, bitCount): (UInt32, Int) = (0, 0)
    for character in characters {
        guard let value = alphabet.firstIndex(of: character) else { return nil }
        bits = bits << 6 | UInt32(value)
        bitCount += 6
        if bitCount >= 8 {
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
    }
    return bytes
}

/// Decoding agrees with a plain decoder, and every input comes back from its encoding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBase64(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    precondition(Base64.decodeSecret(input)?.withUnsafeBytes { Array($0) } == reference(Array(input)))
    let text = SecretBytes(count: Base64.encodedCount(count)) { precondition(Base64.encode(input, into: $0) == $0.count) }
    let decoded = text.withUnsafeBytes { Base64.decodeSecret($0) }
    precondition(decoded == SecretBytes(copying: input))
    return 0
}
