import Glibc

/// When a call has to return. The host waits a little longer, so that what is thrown right then is heard.
public struct Deadline: Sendable {
    /// In nanoseconds of `CLOCK_MONOTONIC`.
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The moment that is `wait` from now. For a part of a call that may take a part of its time.
    public init(after wait: Duration) {
        // Some centuries at most, so that nothing overflows.
        let (seconds, attoseconds) = min(max(wait, .zero), .seconds(9_000_000_000)).components
        nanoseconds = Deadline.now + UInt64(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    /// What is left until then; zero when it has passed. For backends that take a time-out.
    public var remaining: Duration {
        let now = Deadline.now
        return .nanoseconds(now < nanoseconds ? Int64(clamping: nanoseconds - now) : 0)
    }

    /// Whether it is time to give up.
    public var hasPassed: Bool { Deadline.now >= nanoseconds }

    /// Throws `KeystoreError.timeout` when it is time to give up.
    public func check() throws(KeystoreError) {
        guard hasPassed else { return }
        throw .timeout
    }

    /// Nanoseconds of `CLOCK_MONOTONIC`, which cannot fail and does not run backwards.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
