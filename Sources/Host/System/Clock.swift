import Envelope
import Glibc

extension Timestamp {
    /// The time of day, from the system's clock.
    static func now() -> Timestamp {
        var time = timespec()
        // Cannot fail: CLOCK_REALTIME is there on every system (clock_gettime(2)).
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
    }
}
