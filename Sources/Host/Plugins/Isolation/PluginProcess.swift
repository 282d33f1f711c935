import CLinux
import Glibc
import NIOConcurrencyHelpers
import SecureBytes

/// A process of its own for a plugin, seen from the server: started, and talked to over sockets.
final class PluginProcess: Sendable {
    /// Logs, opening and closing go over this one.
    let control: FrameSocket
    /// One for each call that may run at once.
    let channels: [FrameSocket]
    private let pid: pid_t
    private let descriptor: ProcessDescriptor
    private let output: PluginOutput
    let start = MonotonicTime.now
    /// Whether the pid is this process's no more.
    private let isReaped = NIOLockedValueBox(false)

    struct Problem: Error {
        var text: String
    }

    /// The variables of the server's environment that a plugin gets: those that say where the system is, none that hold a secret.
    private static let variables = [
        "PATH", "HOME", "TZ", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
    ]

    /// The first descriptor of the child: that of `control`. Those of the channels follow.
    static let firstDescriptor: Int32 = 3

    /// How the process ended.
    struct End: CustomStringConvertible {
        var description: String
        /// What it wrote last to its standard output or standard error.
        var lastLine: String?
    }

    /// - Parameters:
    ///   - count: how many calls may run at once.
    ///   - give: gets each line that the process writes, on a thread of its own.
    init(
        _ launcher: PluginLauncher, _ limits: ProcessLimits, channels count: Int,
        output give: @escaping @Sendable (String) -> Void
    ) throws(Problem) {
        var ours: [Int32] = []
        var theirs: [Int32] = []
        defer { for end in theirs { close(end) } }
        var pipe: [Int32] = [-1, -1]
        guard keswick_pipe(&pipe) == 0 else { throw Problem(text: "no pipe: \(SystemError.text(errno))") }
        theirs.append(pipe[1])
        do throws(Problem) {
            for _ in 0...count {
                guard let pair = FrameSocket.pair() else { throw Problem(text: "no sockets: \(SystemError.text(errno))") }
                ours.append(pair.0)
                theirs.append(pair.1)
            }
            pid = try Self.spawn(launcher, limits, theirs)
            do throws(Problem) {
                guard let descriptor = ProcessDescriptor(pid) else {
                    throw Problem(text: "the plugin's process cannot be watched: \(SystemError.text(errno))")
                }
                self.descriptor = descriptor
                // From here on the pipe is its own to close.
                let reading = pipe[0]
                pipe[0] = -1
                guard let output = PluginOutput(reading, of: descriptor, give) else {
                    throw Problem(text: "the system has no thread to give")
                }
                self.output = output
            } catch {
                Glibc.kill(pid, SIGKILL)
                waitpid(pid, nil, 0)
                throw error
            }
        } catch {
            for end in ours { close(end) }
            if pipe[0] >= 0 { close(pipe[0]) }
            throw error
        }
        let sockets = ours.map { [descriptor] in FrameSocket($0, to: descriptor) }
        control = sockets[0]
        channels = Array(sockets.dropFirst())
    }

    /// - Parameter ends: what the child gets: the end of the pipe that it writes to, and the sockets.
    private static func spawn(_ launcher: PluginLauncher, _ limits: ProcessLimits, _ ends: [Int32]) throws(Problem) -> pid_t {
        // Copies above all the numbers that the child will use, so that giving them their places overwrites none.
        let last = firstDescriptor + Int32(ends.count)
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        for end in ends {
            let copy = fcntl(end, F_DUPFD_CLOEXEC, last)
            guard copy >= 0 else { throw Problem(text: "no descriptors: \(SystemError.text(errno))") }
            copies.append(copy)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        // The server's standard output and standard error are its logs: nobody else writes there.
        for stream in [STDOUT_FILENO, STDERR_FILENO] { posix_spawn_file_actions_adddup2(&actions, copies[0], stream) }
        for (index, copy) in copies.dropFirst().enumerated() {
            posix_spawn_file_actions_adddup2(&actions, copy, firstDescriptor + Int32(index))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A process group of its own: what a terminal sends to the server's is for the server to handle, and what the plugin
        // starts can be ended with it.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        // No backtraces, neither of the plugin nor of what it starts: they show memory, and keys may be there.
        let environment =
            ["SWIFT_BACKTRACE=enable=no"]
            + variables.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
        var pid = pid_t()
        // Without the pipe and the control socket.
        let arguments =
            [launcher.program] + launcher.arguments + ["\(ends.count - 2)", "\(limits.memory)", "\(limits.files)"]
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in posix_spawn(&pid, launcher.program, &actions, &attributes, argv, envp) }
        }
        guard code == 0 else { throw Problem(text: "cannot start \(launcher.program): \(SystemError.text(code))") }
        return pid
    }

    private static func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }

    var hasEnded: Bool { descriptor.hasEnded }

    /// Ends the process, and those that it has started and left in its group. Its end shows on the sockets.
    func kill() {
        isReaped.withLockedValue { isReaped in
            if isReaped { return }
            // The group is the process's own, and its number is not given to another while the process is not waited for.
            Glibc.kill(-pid, SIGKILL)
            // It may have gone to another group.
            Glibc.kill(pid, SIGKILL)
        }
    }

    /// Whether the process ends by itself before the limit.
    func ends(until limit: MonotonicTime) -> Bool { descriptor.waitForEnd(until: limit) }

    /// Waits for the end, ends what is left of the group, and says how the end came. To be called once.
    func reap() -> End {
        let description = reapProcess()
        return End(description: description, lastLine: output.finish())
    }

    private func reapProcess() -> String {
        var information = siginfo_t()
        // Leaves the pid taken, so that a late `kill` cannot meet a stranger.
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        kill()
        var status: Int32 = 0
        let code = isReaped.withLockedValue { isReaped in
            isReaped = true
            return waitpid(pid, &status, 0) < 0 ? errno : 0
        }
        guard code == 0 else { return "its end is not known: \(SystemError.text(code))" }
        let signal = status & 0x7f
        return signal == 0
            ? "it ended with code \((status >> 8) & 0xff)"
            : "it was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
    }
}
