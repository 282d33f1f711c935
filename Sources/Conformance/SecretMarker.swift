/// Text that every value of a run begins with or repeats, to find values where they must not be.
struct SecretMarker: Sendable {
    let bytes: [UInt8]
    /// Parts of the marker as a message may show them: as it is, in hexadecimal, in base64, and as a list of numbers.
    private let traces: [[UInt8]]

    /// How many bytes of a value count as a part of it.
    private static let part = 6

    /// - Parameter seed: the run's; other runs have other markers.
    init(seed: UInt64) {
        var random = SplitMix(seed: seed ^ 0x5ec2_e75e_c2e7)
        let letters = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
        let bytes = (0..<24).map { _ in letters[Int(random.next() % UInt64(letters.count))] }
        self.bytes = bytes
        var traces: [[UInt8]] = []
        for start in 0...(bytes.count - Self.part) {
            let part = Array(bytes[start..<start + Self.part])
            traces.append(part)
            let digits = part.map { String($0, radix: 16) }
            traces.append(Array(digits.joined().utf8))
            traces.append(Array(digits.joined().uppercased().utf8))
            traces.append(Array(digits.joined(separator: " ").utf8))
            traces.append(Array(part.map { String($0) }.joined(separator: ", ").utf8))
            // Six bytes at any place give eight digits of base64 that depend on nothing else.
            traces.append(Self.base64(part))
        }
        self.traces = traces
    }

    /// Whether `text` shows a part of a value.
    func isFound(in text: UnsafeRawBufferPointer) -> Bool {
        traces.contains { trace in
            guard let first = trace.first, text.count >= trace.count else { return false }
            return (0...(text.count - trace.count)).contains { start in
                text[start] == first && text[start..<start + trace.count].elementsEqual(trace)
            }
        }
    }

    func isFound(in text: String) -> Bool {
        var text = text
        return text.withUTF8 { isFound(in: UnsafeRawBufferPointer($0)) }
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        return stride(from: 0, to: bytes.count - 2, by: 3).flatMap { index in
            let group = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
            return [18, 12, 6, 0].map { digits[group >> $0 & 63] }
        }
    }
}

/// A small generator whose numbers follow from its seed (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators").
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
