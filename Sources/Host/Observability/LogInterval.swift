import Synchronization

/// Lets one line through for those of ten seconds: what happens thousands of times in a moment is told once.
final class LogInterval: Sendable {
    /// From when on the next one is told, in nanoseconds of the clock.
    private let next = Atomic<UInt64>(0)

    private static let length: UInt64 = 10_000_000_000

    /// Whether this one is to be told.
    func isDue(_ now: MonotonicTime = .now) -> Bool {
        let due = next.load(ordering: .relaxed)
        guard now.nanoseconds >= due else { return false }
        // Of several threads that come at once, one.
        return next.compareExchange(expected: due, desired: now.nanoseconds + Self.length, ordering: .relaxed).exchanged
    }
}
