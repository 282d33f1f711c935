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
        let remedy = "set it to infinity (systemd: LimitMEMLOCK=infinity), or encrypt the swap"
        // What is mapped from here on is locked: what the probe maps too.
        guard mlockall(MCL_FUTURE | lockOnFault) == 0 else {
            return .unlocked(reason: "\(SystemError.text(errno)), perhaps for the memlock limit: \(remedy)")
        }
        guard canLockWithoutLimit() else {
            munlockall()
            return .unlocked(reason: "the memlock limit would stop the server when it grows: \(remedy)")
        }
        guard mlockall(MCL_CURRENT | MCL_FUTURE | lockOnFault) == 0 else {
            let reason = SystemError.text(errno)
            munlockall()
            return .unlocked(reason: reason)
        }
        return .locked
    }

    /// Whether all that the process will ever map may be locked. To be called when new mappings are.
    ///
    /// What is mapped counts as locked, used or not: stacks of threads and what the allocator reserves, half a gigabyte at the start. Under a
    /// limit that is high enough for that, the system would refuse threads and memory later. (CAP_IPC_LOCK frees of the limit, but not in
    /// every user namespace; so the system is asked.)
    private static func canLockWithoutLimit() -> Bool {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0 else { return false }
        if limit.rlim_cur == rlim_t.max { return true }
        let page = 4096
        let size = min(Int(clamping: limit.rlim_cur), .max - page) + page
        // Nothing can be read or written there, and no memory is taken for it.
        let probe = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard probe != MAP_FAILED else { return false }
        munmap(probe, size)
        return true
    }
}
