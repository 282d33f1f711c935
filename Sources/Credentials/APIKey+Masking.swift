import SecureBytes

extension APIKey {
    /// `text`, which a client chose, for a log or a message: from an API key in it on, all is left out, and `kes:v1:…` stands there.
    ///
    /// An API key is found where a program may have put it in the place of an identity: with its prefix in any case, without it, and
    /// percent-encoded, once or more often. Its base64 may have slashes, so that it may be several segments of a path. Without the prefix
    /// a name of 44 letters and digits that begins with `A` and one of `A` to `P` cannot be told from a key, and is left out as well.
    package static func masked(in text: String) -> String {
        // Native strings, which all strings on Linux are, lend their bytes: nothing is copied.
        var lent = text
        let start = lent.withUTF8 { bytes in
            bytes.contains(where: { $0 == percent || isLineBreak($0) }) ? findEncoded(in: bytes) : find(in: bytes)
        }
        guard let start else { return text }
        // Before a key stands ASCII, or a whole character: the text is not cut within one.
        return "\(Substring(text.utf8.prefix(start)))\(prefix)…"
    }

    /// Where the first API key begins.
    private static func find(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        bytes.indices.first { hasPrefix(bytes, at: $0) || hasBareKey(bytes, at: $0) }
    }

    /// As `find(in:)`, of what `bytes` are when all that is percent-encoded is decoded, and line breaks, which base64 may have anywhere, are
    /// left out. `%25` followed by `3A` is a colon too: who encodes twice has sent the key all the same.
    private static func findEncoded(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var decoded: [UInt8] = []
        // Where in `bytes` each of them comes from.
        var origins: [Int] = []
        decoded.reserveCapacity(bytes.count)
        origins.reserveCapacity(bytes.count)
        for (origin, byte) in bytes.enumerated() {
            decoded.append(byte)
            origins.append(origin)
            while decoded.count >= 3, decoded[decoded.count - 3] == percent,
                let high = Hexadecimal.value(ofDigit: decoded[decoded.count - 2]),
                let low = Hexadecimal.value(ofDigit: decoded[decoded.count - 1])
            {
                decoded.removeLast(2)
                origins.removeLast(2)
                decoded[decoded.count - 1] = high << 4 | low
            }
            if isLineBreak(decoded[decoded.count - 1]) {
                decoded.removeLast()
                origins.removeLast()
            }
        }
        return decoded.withUnsafeBufferPointer(find).map { origins[$0] }
    }

    /// Whether `kes:v1:` stands at `index`, in any case. Whatever follows: a key with a character too few holds nearly all of the secret.
    private static func hasPrefix(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        let count = prefix.utf8CodeUnitCount
        // The prefix is a literal of several characters, so it has a pointer, good for all of them. Setting bit 5 makes ASCII letters lower
        // case; of the other bytes only 0x1a becomes a colon and 0x11 a one by it.
        return bytes.count - index >= count
            && zip(bytes[index...], UnsafeBufferPointer(start: prefix.utf8Start, count: count)).allSatisfy { $0 | 0x20 == $1 }
    }

    /// Whether a word begins at `index` that decodes to the 33 bytes of a key, the first of them zero.
    private static func hasBareKey(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        guard bytes[index] == UInt8(ascii: "A") else { return false }
        // 33 is a multiple of 3: there is no padding.
        let end = index + (1 + seedByteCount) / 3 * 4
        guard end <= bytes.count, UInt8(ascii: "A")...UInt8(ascii: "P") ~= bytes[index + 1] else { return false }
        guard index == 0 || !isNameByte(bytes[index - 1]), end == bytes.count || !isNameByte(bytes[end]) else { return false }
        return bytes[index..<end].allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") }
    }

    private static let percent = UInt8(ascii: "%")

    private static func isLineBreak(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
