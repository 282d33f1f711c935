import Glibc

/// A worker, seen from the runner.
final class WorkerProcess {
    /// How a worker ended.
    enum End: Equatable {
        case exited(Int32)
        case killed(signal: Int32)
        /// It took longer than its limit, and was killed by the runner.
        case overdue
    }

    struct NotStarted: Error, CustomStringConvertible {
        var description: String
    }

    private let pid: pid_t
    /// The file of its `Progress`.
    let progress: String
    private var input: Int32
    private var report: Int32
    private var output: Int32
    private let deadline: UInt64
    private var reportText: [UInt8] = []
    private(set) var findings: [Finding] = []
    /// What was `told` and not taken yet.
    private var told: [String] = []
    /// The beginning of what it wrote to standard output and standard error.
    private(set) var outputText: [UInt8] = []
    private let isHeld: Bool
    private var isOverdue = false
    private var isCollected = false
    private static let outputLimit = 8192

    /// - Parameters:
    ///   - configuration: for the plugin's open().
    ///   - limit: how long the worker may run, in seconds.
    ///   - isHeld: whether a signal ends it; not the one that cleans up after that.
    init(
        _ order: Worker.Order, command: [String], configuration: [UInt8], environment: [String: String], limit: Double,
        isHeld: Bool = true
    ) throws(NotStarted) {
        self.isHeld = isHeld
        progress = order.progress
        // A worker that crashed takes no more orders; that must not end the runner.
        signal(SIGPIPE, SIG_IGN)
        let arguments =
            command + [
                order.library, order.procedure, "\(order.seed)", order.prefix, order.isFresh ? "fresh" : "shared", order.progress,
            ]
        var ends: [Int32] = []
        for _ in 0..<3 {
            var pair: [Int32] = [-1, -1]
            guard pipe(&pair) == 0 else { throw NotStarted(description: "no pipe: \(String(cString: strerror(errno)))") }
            for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            ends += pair
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[3], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[3], STDERR_FILENO)
        if ends[5] == Worker.reportDescriptor {
            // A copy onto itself keeps the close-on-exec flag: move it away first.
            let moved = fcntl(ends[5], F_DUPFD_CLOEXEC, 10)
            close(ends[5])
            ends[5] = moved
        }
        posix_spawn_file_actions_adddup2(&actions, ends[5], Worker.reportDescriptor)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        // A process group of its own, so that what the plugin starts can be ended with it.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        var pid = pid_t()
        let variables = Self.variables(environment)
        func spawn() -> Int32 {
            Self.withCStrings(arguments) { argv in
                Self.withCStrings(variables) { envp in posix_spawn(&pid, arguments[0], &actions, &attributes, argv, envp) }
            }
        }
        let code =
            !isHeld
            ? spawn()
            : Interruption.change { holdings in
                let code = spawn()
                if code == 0 { holdings.workers.insert(pid) }
                return code
            }
        for end in [ends[0], ends[3], ends[5]] { close(end) }
        guard code == 0 else {
            for end in [ends[1], ends[2], ends[4]] { close(end) }
            throw NotStarted(description: "cannot start \(arguments[0]): \(String(cString: strerror(code)))")
        }
        self.pid = pid
        input = ends[1]
        output = ends[2]
        report = ends[4]
        deadline = monotonicNow() + UInt64(limit * 1e9)
        send(Array("\(configuration.count)\n".utf8) + configuration)
    }

    deinit {
        if !isCollected {
            kill()
            _ = collect()
        }
        for descriptor in [input, report, output] where descriptor >= 0 { close(descriptor) }
    }

    /// Says something to the worker, which may have ended.
    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// No more orders: a worker that waits for one ends.
    func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    func send(_ line: String) { send(Array((line + "\n").utf8)) }

    /// The next thing that the worker tells; nil when it has ended or its time is over.
    func nextTold() -> String? {
        while told.isEmpty {
            guard readMore() else { return nil }
        }
        return told.removeFirst()
    }

    /// What the worker has told so far without being waited for.
    func takeTold() -> [String] {
        defer { told = [] }
        return told
    }

    func kill() { Self.end(pid) }

    /// Ends a worker that was not collected, and what it has started and left in its group.
    static func end(_ pid: pid_t) {
        Glibc.kill(-pid, SIGKILL)
        // It may have gone to another group.
        Glibc.kill(pid, SIGKILL)
    }

    /// Reads to the end, and collects the process.
    func wait() -> End {
        while readMore() {}
        if isOverdue { kill() }
        let status = collect()
        if isOverdue { return .overdue }
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
    }

    /// Waits for the end, and ends what the worker has left running.
    private func collect() -> Int32 {
        isCollected = true
        var information = siginfo_t()
        // Leaves the number taken, so that no stranger gets it while the group is ended.
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        func reap() -> Int32 {
            Self.end(pid)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            return status
        }
        guard isHeld else { return reap() }
        return Interruption.change { holdings in
            holdings.workers.remove(pid)
            return reap()
        }
    }

    /// Waits for the next bytes. False at the end of the report, or when the time is over.
    private func readMore() -> Bool {
        guard report >= 0, !isOverdue else { return false }
        let now = monotonicNow()
        var polled = [report, output].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let wait = now < deadline ? Int32(clamping: (deadline - now) / 1_000_000 + 1) : 0
        let count = poll(&polled, nfds_t(polled.count), wait)
        if count == 0 { isOverdue = true }
        if polled[1].revents != 0 {
            let bytes = read(&output)
            outputText += bytes.prefix(max(Self.outputLimit - outputText.count, 0))
        }
        if polled[0].revents != 0 { take(read(&report)) }
        return report >= 0 && !isOverdue
    }

    private func take(_ bytes: [UInt8]) {
        reportText += bytes
        while let end = reportText.firstIndex(of: 0x0a) {
            let line = String(decoding: reportText[..<end], as: UTF8.self)
            reportText.removeSubrange(...end)
            guard let finding = Finding(line: line[...]) else { continue }
            if finding.kind == .told { told.append(finding.text) } else { findings.append(finding) }
        }
    }

    /// Closes the descriptor, and sets it to -1, at its end.
    private func read(_ descriptor: inout Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { return [] }
        guard count > 0 else {
            close(descriptor)
            descriptor = -1
            return []
        }
        return Array(buffer.prefix(count))
    }

    private static func variables(_ additions: [String: String]) -> [String] {
        var result: [String] = []
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if additions[String(text.prefix { $0 != "=" })] == nil { result.append(text) }
            entry += 1
        }
        return result + additions.map { "\($0.key)=\($0.value)" }
    }

    private static func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }
}
