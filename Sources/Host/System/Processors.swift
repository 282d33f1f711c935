import CLinux
import NIOCore

/// The processors that the process may run on.
enum Processors {
    /// How many there are by its affinity (sched_setaffinity(2), `taskset`, systemd's `CPUAffinity=`) and by its control group, as Go counts
    /// them.
    static var usable: Int {
        let allowed = Int(keswick_allowed_processors())
        return allowed > 0 ? min(System.coreCount, allowed) : System.coreCount
    }
}
