import CLinux
import Glibc

/// Memory, files, threads, and what else belongs to the process.
enum ResourceChecks {
    /// The least growth for each round that counts as a leak, in bytes: no block is smaller.
    private static let leak = 16

    static func leaks(_ session: Session) throws {
        let store = try session.open()
        func round(_ number: Int) {
            let name = session.name("leak")
            _ = store.create(name, session.value("leak", size: 700))
            _ = store.create(name, session.value("leak", size: 700))
            _ = store.get(name)
            _ = store.get(session.name("absent"))
            _ = store.list(prefix: session.prefix, limit: 10)
            _ = store.status()
            _ = store.remove(name)
            _ = store.remove(name)
            _ = store.create("not/a/name", session.value("leak"))
            _ = store.get(Array("..".utf8))
            _ = store.create(name, session.value("late"), .passed)
        }
        try expectNoGrowth(session, .leaks, "a create, get, list and remove", warmUp: 300, rounds: 300, round)
        store.close()
    }

    static func close(_ session: Session) throws {
        func round(_ number: Int) throws {
            let store = try session.open()
            let name = session.name("closing")
            _ = store.create(name, session.value("closing", size: 700))
            _ = store.get(name)
            _ = store.list(prefix: session.prefix, limit: 10)
            _ = store.remove(name)
            store.close()
            // A refused open() leaves nothing either.
            var instance: Instance?
            _ = Instance.open(session, configuration: Array("{\"kes-check-unknown\":[1,{}]}".utf8), instance: &instance)
            instance?.close()
        }
        for number in 0..<20 { try round(number) }
        let (files, threads) = (entries("/proc/self/fd"), entries("/proc/self/task"))
        for number in 0..<20 { try round(number) }
        // Twenty instances more; one file or thread is nobody's leak.
        session.expect(
            entries("/proc/self/fd") < files + 10, .closeReleases,
            "20 times open() and close() left \(entries("/proc/self/fd") - files) open files")
        session.expect(
            entries("/proc/self/task") < threads + 10, .closeReleases,
            "20 times open() and close() left \(entries("/proc/self/task") - threads) threads")
        try expectNoGrowth(session, .closeReleases, "an open() and close()", warmUp: 20, rounds: 30, round)
    }

    /// A leak grows in every part of the way; a cache that fills does not.
    private static func expectNoGrowth(
        _ session: Session, _ rule: Rule, _ what: String, warmUp: Int, rounds: Int, _ round: (Int) throws -> Void
    ) throws {
        for number in 0..<warmUp { try round(number) }
        var growth: [Int] = []
        for _ in 0..<4 {
            let before = Int(keswick_allocated_bytes())
            for number in 0..<rounds { try round(number) }
            growth.append((Int(keswick_allocated_bytes()) - before) / rounds)
        }
        let least = growth.min() ?? 0
        session.expect(least < leak, rule, "\(what) leaves \(least) bytes of memory allocated, again and again")
    }

    static func heap(_ session: Session) throws {
        // The C library checks each block as it is freed, and ends the process when something was written around it.
        for _ in 0..<3 {
            let store = try session.open()
            for size in [1, 7, 8, 24, 100, 1000, 4096, 70_000] {
                let name = session.name("heap-\(size)")
                _ = store.create(name, session.value(name, size: size))
                _ = store.get(name)
            }
            _ = store.list(prefix: session.prefix, limit: 3)
            _ = store.list(prefix: session.prefix, limit: 1000)
            for length in [1, 2, 63, 64, 65, 127, 128] {
                let name =
                    String(repeating: "h", count: max(length - session.prefix.utf8.count, 0)) + session.prefix.suffix(length)
                // The shortest may be taken, by a key that is not the check's to remove.
                guard store.create(name, session.value("heap")).code == .ok else { continue }
                _ = store.get(name)
                _ = store.remove(name)
            }
            store.removeCreated()
            store.close()
        }
    }

    static func processState(_ session: Session) throws {
        let before = ProcessState()
        let store = try session.open()
        let name = session.name("state")
        _ = store.create(name, session.value("state"))
        _ = store.get(name)
        _ = store.list(prefix: session.prefix, limit: 10)
        _ = store.status()
        _ = store.remove(name)
        let during = ProcessState()
        store.close()
        for difference in Set(before.differences(from: during) + before.differences(from: ProcessState())).sorted() {
            session.fail(.processState, "the plugin has changed \(difference)")
        }
    }

    private static func entries(_ directory: String) -> Int {
        guard let list = opendir(directory) else { return 0 }
        defer { closedir(list) }
        var count = 0
        while readdir(list) != nil { count += 1 }
        return count
    }
}

/// What a library can change under its process's feet.
private struct ProcessState {
    private let workingDirectory: String
    private let mask: mode_t
    private let environment: [String]
    private let handlers: [UInt]
    private let blocked: [Bool]

    init() {
        let path = getcwd(nil, 0)
        workingDirectory = path.map { String(cString: $0) } ?? ""
        free(path)
        mask = umask(0)
        umask(mask)
        var variables: [String] = []
        var entry = environ
        while let pointer = entry.pointee {
            variables.append(String(cString: pointer))
            entry += 1
        }
        environment = variables.sorted()
        var set = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &set)
        var handlers: [UInt] = []
        var blocked: [Bool] = []
        for number in Int32(1)..<32 {
            var action = sigaction()
            sigaction(number, nil, &action)
            handlers.append(unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self))
            blocked.append(sigismember(&set, number) == 1)
        }
        self.handlers = handlers
        self.blocked = blocked
    }

    func differences(from other: ProcessState) -> [String] {
        var names: [String] = []
        if workingDirectory != other.workingDirectory { names.append("the working directory") }
        if mask != other.mask { names.append("the umask") }
        if environment != other.environment { names.append("the environment") }
        if blocked != other.blocked { names.append("the signals that its caller's thread blocks") }
        for (number, (old, new)) in zip(handlers, other.handlers).enumerated() where old != new {
            names.append("the handler of signal \(number + 1)")
        }
        return names
    }
}
