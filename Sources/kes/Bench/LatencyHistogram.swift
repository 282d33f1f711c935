/// How long things took, in nanoseconds, with a relative error below 1.6 %, in a few kilobytes however many there were.
///
/// Each power of two is divided into 64 buckets of the same width.
struct LatencyHistogram: Sendable {
    private static let subdivisions = 64
    private static let subdivisionBits = 6
    private var counts = [Int](repeating: 0, count: subdivisions * (64 - subdivisionBits))

    private(set) var count = 0
    private(set) var maximum: UInt64 = 0

    mutating func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
        counts[Self.bucket(nanoseconds)] += 1
        count += 1
        maximum = max(maximum, nanoseconds)
    }

    mutating func add(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    /// What a share of all, such as 0.99, took at most. Zero when there were none.
    func quantile(_ share: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let wanted = max(1, Int((share * Double(count)).rounded(.up)))
        var seen = 0
        for (index, number) in counts.enumerated() {
            seen += number
            if seen >= wanted { return min(Self.upperBound(index), maximum) }
        }
        return maximum
    }

    /// Values below 64 have a bucket each; from there on the highest 7 bits say which it is.
    private static func bucket(_ value: UInt64) -> Int {
        guard value >= UInt64(subdivisions) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        let shift = exponent - subdivisionBits
        return (shift + 1) * subdivisions + Int(value >> UInt64(shift)) - subdivisions
    }

    private static func upperBound(_ bucket: Int) -> UInt64 {
        guard bucket >= subdivisions else { return UInt64(bucket) }
        let shift = bucket / subdivisions - 1
        let first = UInt64(bucket % subdivisions + subdivisions) << UInt64(shift)
        return first + (UInt64(1) << UInt64(shift)) - 1
    }
}
