import Foundation

/// A process of its own that drives a keystore: see `Tests/keystore-driver/main.c` for its steps.
///
/// Killed, when it still runs, as the value goes.
final class Driver {
    /// How a process ended.
    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
    }

    let processIdentifier: pid_t
    private let input: Int32
    private let output: Int32
    private var pending: [UInt8] = []
    private var end: End?

    init(_ backend: Backend, configuration: String, _ steps: [String]) throws {
        var (inward, outward): ([Int32], [Int32]) = ([0, 0], [0, 0])
        // Sockets, because a pipe cannot be made close-on-exec in one step from Swift, and a process that another test starts
        // meanwhile must not keep the ends open.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &inward) == 0, socketpair(AF_UNIX, type, 0, &outward) == 0 else {
            throw TestFailure("socketpair: errno \(errno)")
        }
        input = inward[1]
        output = outward[0]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inward[0], 0)
        posix_spawn_file_actions_adddup2(&actions, outward[1], 1)
        let program = BuiltProducts.directory + "/keystore-driver"
        let arguments = [program, BuiltProducts.directory + "/" + backend.library, configuration] + steps
        var argv = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var child: pid_t = 0
        let error = posix_spawn(&child, program, &actions, nil, &argv, environ)
        close(inward[0])
        close(outward[1])
        guard error == 0 else { throw TestFailure("cannot start \(program): errno \(error)") }
        processIdentifier = child
    }

    deinit {
        if end == nil {
            kill(processIdentifier, SIGKILL)
            _ = waitForEnd()
        }
        close(input)
        close(output)
    }

    /// The next line that the process prints; nothing when it has ended.
    func nextLine() -> String? {
        while true {
            if let newline = pending.firstIndex(of: UInt8(ascii: "\n")) {
                defer { pending.removeSubrange(...newline) }
                return String(decoding: pending[..<newline], as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return nil }
            pending += buffer[..<count]
        }
    }

    /// Reads lines up to one that begins with `prefix`.
    func expectLine(_ prefix: String) throws {
        while let line = nextLine() { if line.hasPrefix(prefix) { return } }
        throw TestFailure("the driver never said `\(prefix)`")
    }

    /// Lets a `wait` step go on.
    func resume() { _ = write(input, "\n", 1) }

    func kill9() { kill(processIdentifier, SIGKILL) }

    /// The lines that are still to come.
    func remainingLines() -> [String] {
        var lines: [String] = []
        while let line = nextLine() { lines.append(line) }
        return lines
    }

    func waitForEnd() -> End {
        if let end { return end }
        var status: Int32 = 0
        while waitpid(processIdentifier, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        let end: End = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
        self.end = end
        return end
    }

    /// Runs steps to the end and gives what was printed.
    static func run(_ backend: Backend, configuration: String, _ steps: [String]) throws -> (lines: [String], end: End) {
        let driver = try Driver(backend, configuration: configuration, steps)
        let lines = driver.remainingLines()
        return (lines, driver.waitForEnd())
    }
}
