/// How long things took: how many took how long at most, and how long they took together.
struct Histogram: Sendable {
    /// Upper bounds of the buckets in nanoseconds, ascending. What took longer than the last falls into one bucket more.
    ///
    /// They begin at 50 µs, because a cached key answers within, and hold all bounds of `kes_http_response_time`, which existing
    /// dashboards read.
    static let bounds: [Int64] = [
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 1_500_000_000, 3_000_000_000, 5_000_000_000, 10_000_000_000,
    ]

    /// One for each bound, and the last for what is above all; not cumulative.
    var counts = [Int](repeating: 0, count: bounds.count + 1)
    var nanoseconds: Int64 = 0

    var count: Int { counts.reduce(0, +) }

    mutating func record(nanoseconds: Int64) {
        counts[Self.bucket(of: nanoseconds)] &+= 1
        self.nanoseconds &+= nanoseconds
    }

    static func += (left: inout Histogram, right: Histogram) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
        left.nanoseconds += right.nanoseconds
    }

    /// The bucket that a time falls into. A bound belongs to the bucket below it, as Prometheus has it.
    static func bucket(of nanoseconds: Int64) -> Int {
        bounds.firstIndex { nanoseconds <= $0 } ?? bounds.count
    }
}
