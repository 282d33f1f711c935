import CLinux
import Glibc

/// Keeps key material inside the process: out of core dumps and crash reports, out of reach of debuggers, and out of swap where that is permitted.
package enum ProcessHardening {
    package enum MemoryLock: Equatable, Sendable, CustomStringConvertible {
        case locked
        case unlocked(reason: String)

        package var description: String {
            switch self {
            case .locked: "on"
            case .unlocked(let reason): "off (\(reason))"
            }
        }
    }

    /// All of it, for a server. To be called once, before any key is read.
    package static func apply() -> MemoryLock {
        forbidDumps()
        // A client that goes away must not end the process.
        signal(SIGPIPE, SIG_IGN)
        return lockMemory()
    }

    /// What costs nothing, for whatever holds a key for a moment.
    package static func forbidDumps() {
        // Neither can fail for the values given here (prctl(2), setrlimit(2): lowering a limit needs no privilege).
        _ = keswick_forbid_dumps()
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // Swift's runtime answers these with a backtrace on standard error, which shows the registers and 16 bytes of what each points to:
        // a key, if that is what was being worked on. What a fatal error says is printed all the same.
        // (A sanitizer's report is asked for.)
        if keswick_is_sanitized() == 0 {
            for crash in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] { signal(crash, SIG_DFL) }
        }
    }

    /// Locks each page when it is first used, so that libraries' unused pages take no memory.
    private static func lockMemory() -> MemoryLock {
        let lockOnFault: Int32 = 4  // MCL_ONFAULT, which Glibc's module map leaves out
        guard mlockall(MCL_CURRENT | MCL_FUTURE | lockOnFault) == 0 else {
            let reason = SystemError.text(errno)
            return .unlocked(reason: "\(reason): raise the memlock limit, or use encrypted swap")
        }
        return .locked
    }
}
