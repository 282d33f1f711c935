/// Which content codings a client takes, by its `Accept-Encoding` (RFC 9110, section 12.5.3), as far as this server has any.
package struct AcceptedCodings {
    // In thousandths, as far as the field said anything of the coding.
    private var gzipWeight: Int?
    private var identityWeight: Int?

    package init() {}

    /// Whether the client has asked for gzip, and does not prefer what is not coded. `*` is not taken for a wish.
    package var prefersGzip: Bool {
        guard let gzipWeight, gzipWeight > 0 else { return false }
        return gzipWeight >= identityWeight ?? 0
    }

    /// Takes the value of a line of the field. Several lines are one list (RFC 9110, section 5.3).
    package mutating func add(_ value: some Collection<UInt8>) {
        // Go's clients send this and nothing else with each request.
        if value.elementsEqual("gzip".utf8) { return gzipWeight = 1000 }
        for element in Array(value).split(separator: UInt8(ascii: ",")) {
            let parts = element.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(Self.trimmed)
            guard let coding = parts.first else { continue }
            // What has a weight that cannot be read is not wanted.
            let weight = parts.count == 1 ? 1000 : parts.count == 2 ? Self.weight(parts[1]) ?? 0 : 0
            switch coding {
            case "gzip", "x-gzip": gzipWeight = weight
            case "identity": identityWeight = weight
            default: break
            }
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let text = String(decoding: bytes.drop(while: isSpace), as: UTF8.self).lowercased()
        return String(text.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    /// `q=0.5` as 500: RFC 9110, section 12.4.2.
    private static func weight(_ text: String) -> Int? {
        guard text.hasPrefix("q=") else { return nil }
        let digits = text.dropFirst(2).split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = digits.count == 2 ? digits[1] : ""
        guard digits[0] == "0" || digits[0] == "1", fraction.count <= 3, fraction.utf8.allSatisfy({ (48...57).contains($0) }),
            let thousandths = Int(fraction + String(repeating: "0", count: 3 - fraction.count))
        else { return nil }
        let weight = (digits[0] == "1" ? 1000 : 0) + thousandths
        return weight <= 1000 ? weight : nil
    }
}
