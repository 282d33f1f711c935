import Glibc
import NIOConcurrencyHelpers
import PluginAPI

/// An open keystore, called past all that a server checks before: the check wants to see what the plugin does by itself.
final class Instance: @unchecked Sendable {
    // `@unchecked Sendable` holds because `handle` never changes, and the header lets any thread call; `serial` sees to it that a SERIAL
    // plugin is called by one at a time.
    private let session: Session
    private let handle: OpaquePointer
    private let host: TestHost
    private let serial: NIOLock?
    private let created = NIOLockedValueBox<Set<String>>([])

    private init(session: Session, handle: OpaquePointer, host: TestHost) {
        self.session = session
        self.handle = handle
        self.host = host
        serial = session.library.isSerial ? NIOLock() : nil
    }

    /// The levels of the lines that the plugin has logged.
    var loggedLevels: [Int32] { host.levels }

    static func open(
        _ session: Session, configuration: [UInt8], deadline: Deadline = .inTenSeconds, instance: inout Instance?
    ) -> Outcome {
        let host = TestHost(session: session)
        var handle: OpaquePointer?
        let bytes = GuardedBytes(configuration)
        let outcome = Call.make(session, .open, deadline, allowed: Call.always) {
            session.library.functions.open(bytes.view, host.pointer, $0, &handle)
        }
        if outcome.code == .ok {
            guard let handle else {
                session.fail(.answers, "open() answered OK and left no instance")
                return Outcome(ResultCode.internal.rawValue, message: "open() left no instance")
            }
            instance = Instance(session: session, handle: handle, host: host)
        }
        return outcome
    }

    func close() {
        session.progress.enter(.close)
        session.library.functions.close(handle)
        host.end()
    }

    func create(_ name: [UInt8], _ value: [UInt8], _ deadline: Deadline = .inTenSeconds) -> Outcome {
        let nameBytes = GuardedBytes(name)
        let valueBytes = GuardedBytes(value)
        let outcome = make(.create, deadline, Call.always.union([.exists, .invalid])) {
            session.library.functions.create(handle, $0, nameBytes.view, valueBytes.view)
        }
        session.noteTried(.secrets)
        if outcome.code == .ok { created.withLockedValue { _ = $0.insert(String(decoding: name, as: UTF8.self)) } }
        return outcome
    }

    func create(_ name: String, _ value: [UInt8], _ deadline: Deadline = .inTenSeconds) -> Outcome {
        create(Array(name.utf8), value, deadline)
    }

    /// The value, when the outcome is OK.
    func get(_ name: [UInt8], _ deadline: Deadline = .inTenSeconds) -> (outcome: Outcome, value: [UInt8]?) {
        let nameBytes = GuardedBytes(name)
        let context = Call.context(session, "get()")
        let outcome = make(.get, deadline, Call.always.union([.notFound, .invalid])) {
            session.library.functions.get(handle, $0, nameBytes.view, context.sink)
        }
        let (writes, problem) = context.close()
        let label = "get(\"\(Self.shown(name))\")"
        if let problem { session.fail(.sinks, "\(label): the value's sink \(problem)") }
        session.noteTried(.sinks)
        session.expect(
            writes.count == (outcome.code == .ok ? 1 : 0), .sinks,
            "\(label) answered \(outcome) and called the value's sink \(counted(writes.count, "time"))")
        return (outcome, outcome.code == .ok ? writes.first ?? [] : nil)
    }

    func get(_ name: String, _ deadline: Deadline = .inTenSeconds) -> (outcome: Outcome, value: [UInt8]?) {
        get(Array(name.utf8), deadline)
    }

    func remove(_ name: [UInt8], _ deadline: Deadline = .inTenSeconds) -> Outcome {
        let nameBytes = GuardedBytes(name)
        let outcome = make(.remove, deadline, Call.always.union([.notFound, .invalid])) {
            session.library.functions.remove(handle, $0, nameBytes.view)
        }
        if outcome.code == .ok { created.withLockedValue { _ = $0.remove(String(decoding: name, as: UTF8.self)) } }
        return outcome
    }

    func remove(_ name: String, _ deadline: Deadline = .inTenSeconds) -> Outcome { remove(Array(name.utf8), deadline) }

    /// The names, as they came.
    func list(
        prefix: [UInt8], after: [UInt8] = [], limit: Int, _ deadline: Deadline = .inTenSeconds
    ) -> (outcome: Outcome, names: [String]) {
        let prefixBytes = GuardedBytes(prefix)
        let afterBytes = GuardedBytes(after)
        let context = Call.context(session, "list()")
        // Views of no bytes come at NULL too.
        let nothing = keswick_bytes(data: nil, size: 0)
        let outcome = make(.list, deadline, Call.always.union([.invalid])) {
            session.library.functions.list(
                handle, $0, prefixBytes.view, after.isEmpty ? nothing : afterBytes.view, limit, context.sink)
        }
        let (writes, problem) = context.close()
        if let problem { session.fail(.sinks, "list(): the names' sink \(problem)") }
        session.noteTried(.sinks)
        session.noteTried(.listAnswers)
        if outcome.code == .ok { checkPage(writes, prefix, after, limit) }
        return (outcome, writes.map { String(decoding: $0, as: UTF8.self) })
    }

    func list(
        prefix: String, after: String = "", limit: Int, _ deadline: Deadline = .inTenSeconds
    ) -> (outcome: Outcome, names: [String]) {
        list(prefix: Array(prefix.utf8), after: Array(after.utf8), limit: limit, deadline)
    }

    /// Nil when the plugin has no such function.
    func status(_ deadline: Deadline = .inTenSeconds) -> Outcome? {
        guard let status = session.library.functions.status else { return nil }
        return make(.status, deadline, Call.always) { status(handle, $0) }
    }

    /// Takes over what another instance has created.
    func adopt(_ names: [String]) { created.withLockedValue { $0.formUnion(names) } }

    /// Removes what was created and is still there.
    func removeCreated() {
        for name in created.withLockedValue({ $0 }) { _ = remove(name) }
    }

    private func make(
        _ function: Progress.Function, _ deadline: Deadline, _ allowed: Set<ResultCode>,
        _ body: (UnsafePointer<keswick_call>) -> keswick_result
    ) -> Outcome {
        serial?.lock()
        defer { serial?.unlock() }
        return Call.make(session, function, deadline, allowed: allowed, body)
    }

    private func checkPage(_ names: [[UInt8]], _ prefix: [UInt8], _ after: [UInt8], _ limit: Int) {
        let label = "list(prefix \"\(Self.shown(prefix))\", after \"\(Self.shown(after))\", limit \(limit))"
        session.expect(limit < 0 || names.count <= limit, .listLimit, "\(label) gave \(counted(names.count, "name"))")
        var last = after
        for name in names {
            let shown = "\(label) gave \"\(Self.shown(name))\""
            session.expect(Names.isValid(name), .listAnswers, "\(shown), which is no valid name")
            session.expect(name.starts(with: prefix), .listPrefix, "\(shown), which does not begin with the prefix")
            session.expect(
                last.lexicographicallyPrecedes(name), last == after ? .listAfter : .listOrder,
                "\(shown) after \"\(Self.shown(last))\"")
            last = name
        }
    }

    /// A name for a message, with what does not belong in one escaped.
    static func shown(_ name: [UInt8]) -> String {
        let text = name.prefix(140).map { byte in
            (0x20..<0x7f).contains(byte) && byte != 0x5c
                ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        return name.count > 140 ? text + "… (\(name.count) bytes)" : text
    }
}
