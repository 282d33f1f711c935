import Glibc

/// How many files and sockets the process may have open at once (getrlimit(2), RLIMIT_NOFILE).
package enum DescriptorLimit {
    /// What is kept free of clients' connections, at most: for the keystore, certificates and logs.
    private static let reserve = 256

    /// Raises the limit to the most that the process may give itself. The usual soft limit, 1024, is for programs that use select(2).
    package static func raise() {
        guard var limit = current else { return }
        limit.rlim_cur = limit.rlim_max
        // Where that is refused, what there is has to do.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// How many connections leave enough for all else.
    static var connections: Int {
        guard let limit = current else { return 1024 - reserve }
        let all = Int(clamping: limit.rlim_cur)
        return all - min(reserve, all / 2)
    }

    private static var current: rlimit? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
    }
}
