import Foundation
import Glibc
import Synchronization

/// A process that a test started, with pipes to its three streams.
///
/// Ended with SIGKILL, by its pid, when the last reference goes and it still runs.
package final class Subprocess: Sendable {
    package let pid: pid_t
    private let input: Mutex<Int32>
    private let output: Int32
    private let error: Int32
    private let result = Mutex<Int32?>(nil)

    /// Held from the making of pipes until they are marked as not to be inherited: a process that another thread starts in between
    /// would keep them open.
    private static let spawning = Mutex(())

    /// Starts `executable`, looked up on the PATH when it holds no slash.
    ///
    /// - Parameters:
    ///   - environment: Replaces these variables of this process's environment; nil removes one.
    ///   - output: A descriptor to write to instead of a pipe. Stays the caller's.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:], directory: String? = nil,
        output: Int32? = nil, error: Int32? = nil
    ) throws {
        // posix_spawn's own way to change the directory is not in Swift's Glibc module.
        let command =
            directory.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0, executable] + arguments }
            ?? [executable] + arguments
        let started = try Self.spawning.withLock { _ in
            try Self.spawn(command, environment, output: output, error: error)
        }
        pid = started.pid
        input = Mutex(started.input)
        self.output = started.output
        self.error = started.error
    }

    private static func spawn(
        _ command: [String], _ environment: [String: String?], output: Int32?, error: Int32?
    ) throws -> (pid: pid_t, input: Int32, output: Int32, error: Int32) {
        let inputPipe = try Pipe()
        let outputPipe = try output == nil ? Pipe() : nil
        let errorPipe = try error == nil ? Pipe() : nil
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputPipe.read, 0)
        posix_spawn_file_actions_adddup2(&actions, outputPipe?.write ?? output ?? -1, 1)
        posix_spawn_file_actions_adddup2(&actions, errorPipe?.write ?? error ?? -1, 2)
        // A test runner may block or ignore signals; the process begins with the defaults.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var pid = pid_t()
        let code = withCStrings(command) { argv in
            withCStrings(variables(environment)) { envp in
                posix_spawnp(&pid, command[0], &actions, &attributes, argv, envp)
            }
        }
        close(inputPipe.read)
        if let outputPipe { close(outputPipe.write) }
        if let errorPipe { close(errorPipe.write) }
        guard code == 0 else { throw SystemError("posix_spawn \(command[0])", code) }
        return (pid, inputPipe.write, outputPipe?.read ?? -1, errorPipe?.read ?? -1)
    }

    deinit {
        if result.withLock({ $0 }) == nil {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
        closeInput()
        if output >= 0 { close(output) }
        if error >= 0 { close(error) }
    }

    /// Writes to the process's standard input. A process that has ended takes nothing more.
    package func write(_ bytes: [UInt8]) {
        input.withLock { descriptor in
            var rest = bytes[...]
            while !rest.isEmpty, descriptor >= 0 {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    package func closeInput() {
        input.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    /// Writes what comes on standard error to a file from now on, beginning with `start`, on a thread of its own.
    package func drainError(to path: String, after start: [UInt8]) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let source = dup(error)
        _ = fcntl(source, F_SETFD, FD_CLOEXEC)
        let thread = Thread {
            var bytes = start
            repeat {
                _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                bytes = Self.read(source)
            } while !bytes.isEmpty
            close(file)
            close(source)
        }
        thread.start()
    }

    package func signal(_ number: Int32) {
        kill(pid, number)
    }

    /// Stops the process, and returns when it does nothing any more: threads of it may go on for a while after the signal was sent.
    package func suspend() {
        kill(pid, SIGSTOP)
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WSTOPPED | WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    /// The next bytes of standard output, at least one; empty at its end.
    package func readOutput() -> [UInt8] { readInTime(output) }

    /// What is there of standard output by now; empty when there is nothing.
    package func readOutputIfAny() -> [UInt8] {
        var polled = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, 0) > 0 ? Self.read(output) : []
    }

    /// The next bytes of standard error.
    package func readError() -> [UInt8] { readInTime(error) }

    /// What never comes does not hold the tests up for ever: the process is ended then, and with it what it writes.
    private func readInTime(_ descriptor: Int32) -> [UInt8] {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&polled, 1, Self.patience) == 0 { result.withLock { if $0 == nil { kill(pid, SIGKILL) } } }
        return Self.read(descriptor)
    }

    /// In milliseconds: far beyond what any test takes, also under a sanitizer.
    private static let patience: Int32 = 900_000

    /// Waits for the end. The exit code, or minus the number of the signal that ended it.
    @discardableResult
    package func wait() -> Int32 {
        result.withLock { result in
            if let result { return result }
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let code = status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
            result = code
            return code
        }
    }

    /// Whether it has ended by now.
    package var hasEnded: Bool {
        result.withLock { result in
            var info = siginfo_t()
            // It stays to be waited for.
            return result != nil || waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo == SIGCHLD
        }
    }

    /// Reads both streams to their ends, at the same time so that neither blocks the process.
    package func collect() -> (output: [UInt8], error: [UInt8]) {
        var collected: [Int32: [UInt8]] = [output: [], error: []]
        var open = [output, error].filter { $0 >= 0 }
        while !open.isEmpty {
            var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else { break }
            for entry in polled where entry.revents != 0 {
                let bytes = Self.read(entry.fd)
                if bytes.isEmpty { open.removeAll { $0 == entry.fd } }
                collected[entry.fd]? += bytes
            }
        }
        return (collected[output] ?? [], collected[error] ?? [])
    }

    private static func read(_ descriptor: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            return Array(buffer.prefix(max(0, count)))
        }
    }

    private static func variables(_ changes: [String: String?]) -> [String] {
        var result: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if let separator = text.firstIndex(of: "=") {
                result[String(text[..<separator])] = String(text[text.index(after: separator)...])
            }
            entry += 1
        }
        for (name, value) in changes { result[name] = value }
        return result.map { "\($0.key)=\($0.value)" }
    }
}

private struct Pipe {
    var read: Int32
    var write: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (read, write) = (ends[0], ends[1])
    }
}

/// Lends strings as a NULL-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies + [nil])
}
