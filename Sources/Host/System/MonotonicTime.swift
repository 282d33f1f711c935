import Glibc

/// A point in time on a clock that never goes back, in nanoseconds since some start.
package struct MonotonicTime: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// `CLOCK_MONOTONIC`: what deadlines are measured with, here and in the plugin interface.
    package static var now: MonotonicTime { read(CLOCK_MONOTONIC) }

    /// `CLOCK_BOOTTIME`: goes on while the machine is suspended. What may be kept in memory for a while is measured with it.
    package static var sinceBoot: MonotonicTime { read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> MonotonicTime {
        var time = Glibc.timespec()
        clock_gettime(clock, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Later by `duration`: not before `left` when it is negative, at the end of time when it is too long to count.
    package static func + (left: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }

    /// How much later `left` is; zero when it is not.
    package static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        let difference = left > right ? left.nanoseconds - right.nanoseconds : 0
        return .nanoseconds(Int64(clamping: difference))
    }

    /// What poll(2) takes for "until then": milliseconds, rounded up.
    var pollTimeout: Int32 {
        let left = self - .now
        return Int32(clamping: left.wholeNanoseconds / 1_000_000 + (left > .zero ? 1 : 0))
    }

    /// For the C library's timed waits.
    var timespec: Glibc.timespec {
        Glibc.timespec(tv_sec: Int(clamping: nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}

extension Duration {
    /// In nanoseconds, rounded down; zero when negative, `UInt64.max` when there are more.
    package var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = whole.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return overflow || carry ? .max : sum
    }
}
