/// Which content codings a client takes, by its `Accept-Encoding` (RFC 9110, section 12.5.3), as far as this server has any.
///
/// Read for every request of everybody: in one pass over bounded bytes, without a copy.
package struct AcceptedCodings {
    // In thousandths, as far as the field said anything of the coding.
    private var gzipWeight: Int?
    private var identityWeight: Int?
    private var byteCount = 0

    /// Bytes of all lines of the field together. Browsers send 30; whoever sends more than this is taken to have sent nothing.
    package static let longest = 256

    package init() {}

    /// Whether the client has asked for gzip, and does not prefer what is not coded. `*` is not taken for a wish.
    package var prefersGzip: Bool {
        guard byteCount <= Self.longest, let gzipWeight, gzipWeight > 0 else { return false }
        return gzipWeight >= identityWeight ?? 0
    }

    /// Takes the value of a line of the field. Several lines are one list (RFC 9110, section 5.3).
    package mutating func add(_ value: UnsafeRawBufferPointer) {
        byteCount += value.count
        guard byteCount <= Self.longest else { return }
        var start = 0
        while start < value.count {
            let end = Self.index(of: ",", in: value, from: start, to: value.count)
            take(value, start, end)
            start = end + 1
        }
    }

    private mutating func take(_ value: UnsafeRawBufferPointer, _ start: Int, _ end: Int) {
        let nameEnd = Self.index(of: ";", in: value, from: start, to: end)
        let name = Self.trimmed(value, start, nameEnd)
        // What has a weight that cannot be read is not wanted.
        let weight = nameEnd == end ? 1000 : Self.weight(Self.trimmed(value, nameEnd + 1, end)) ?? 0
        if Self.equal(name, "gzip") || Self.equal(name, "x-gzip") {
            gzipWeight = weight
        } else if Self.equal(name, "identity") {
            identityWeight = weight
        }
    }

    /// `q=0.5` as 500: RFC 9110, section 12.4.2.
    private static func weight(_ text: UnsafeRawBufferPointer) -> Int? {
        guard (3...7).contains(text.count), text[0] | 0x20 == UInt8(ascii: "q"), text[1] == UInt8(ascii: "=") else { return nil }
        guard text[2] == UInt8(ascii: "0") || text[2] == UInt8(ascii: "1") else { return nil }
        guard text.count == 3 || text[3] == UInt8(ascii: ".") else { return nil }
        var weight = text[2] == UInt8(ascii: "1") ? 1000 : 0
        for (index, unit) in zip(4..., [100, 10, 1]) where index < text.count {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) else { return nil }
            weight += Int(text[index] - UInt8(ascii: "0")) * unit
        }
        return weight <= 1000 ? weight : nil
    }

    private static func index(
        of character: Unicode.Scalar, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
    ) -> Int {
        bytes[start..<end].firstIndex(of: UInt8(ascii: character)) ?? end
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var (start, end) = (start, end)
        while start < end, isSpace(bytes[start]) { start += 1 }
        while start < end, isSpace(bytes[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// Whether two names are the same but for the case of letters. `name` is in lower case.
    private static func equal(_ bytes: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { name in
            zip(bytes, name).allSatisfy { byte, expected in
                byte == expected || (byte | 0x20 == expected && (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte))
            }
        }
    }
}
