/// What one event loop counts of its requests and connections.
///
/// Nobody but its loop writes it, and nothing in it is shared, so that counting a request costs three additions: no lock, no atomic, no
/// look-up by name. Whoever wants the figures asks each loop for a copy, and adds them up.
struct LoopFigures: Sendable {
    /// The status codes that are counted each for itself; the last place is for all others.
    static let statuses = [200, 400, 403, 404, 405, 406, 408, 409, 413, 431, 499, 500, 502, 503, 504, 505]
    /// The row of requests that no route serves.
    static let rowOfOthers = routes.count

    private static let rowCount = routes.count + 1
    private static let statusCount = statuses.count + 1
    private static let bucketCount = Histogram.bounds.count + 1

    // By route, in the order of the table, and within a route by status or by bucket: one array each, so that a count is one place in it.
    private var responses = [Int](repeating: 0, count: rowCount * statusCount)
    private var buckets = [Int](repeating: 0, count: rowCount * bucketCount)
    private var nanoseconds = [Int64](repeating: 0, count: rowCount)

    var handshakes = 0
    var failedHandshakes = 0
    var auditEvents = 0

    // What is rather than what was. Found when somebody asks.
    var activeRequests = 0
    var connections: [ConnectionProtocol: Int] = [:]
    var followers: [LogKind: Int] = [:]
    /// Events that those who follow a log did not read in time.
    var missedEvents: [LogKind: Int] = [:]

    mutating func record(row: Int, status: Int, nanoseconds: Int64) {
        responses[row &* Self.statusCount &+ Self.place(of: status)] &+= 1
        buckets[row &* Self.bucketCount &+ Histogram.bucket(of: nanoseconds)] &+= 1
        self.nanoseconds[row] &+= nanoseconds
    }

    /// How often a row was answered with the status at each place of `statuses`, and with others.
    func responses(row: Int) -> ArraySlice<Int> {
        responses[row * Self.statusCount..<(row + 1) * Self.statusCount]
    }

    func latency(row: Int) -> Histogram {
        Histogram(
            counts: Array(buckets[row * Self.bucketCount..<(row + 1) * Self.bucketCount]), nanoseconds: nanoseconds[row])
    }

    static func += (left: inout LoopFigures, right: LoopFigures) {
        for index in left.responses.indices { left.responses[index] += right.responses[index] }
        for index in left.buckets.indices { left.buckets[index] += right.buckets[index] }
        for index in left.nanoseconds.indices { left.nanoseconds[index] += right.nanoseconds[index] }
        left.handshakes += right.handshakes
        left.failedHandshakes += right.failedHandshakes
        left.auditEvents += right.auditEvents
        left.activeRequests += right.activeRequests
        left.connections.merge(right.connections, uniquingKeysWith: +)
        left.followers.merge(right.followers, uniquingKeysWith: +)
        left.missedEvents.merge(right.missedEvents, uniquingKeysWith: +)
    }

    private static func place(of status: Int) -> Int {
        // Nearly all answers are the first.
        status == 200 ? 0 : statuses.firstIndex(of: status) ?? statuses.count
    }
}
