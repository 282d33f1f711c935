import Logging
import PluginAPI
import SecureBytes

/// An open keystore in a process of its own. When that process ends, calls in flight fail with `.unreachable`, and another is started.
final class IsolatedInstance: KeystoreInstance {
    private struct State {
        /// The process that takes calls; nil while there is none.
        var process: PluginProcess?
        /// One that is not that far yet.
        var starting: PluginProcess?
        /// The numbers of its channels that no call uses.
        var freeChannels: [Int] = []
        /// How many calls were made: the number of the last one.
        var calls: UInt64 = 0
        var isClosing = false
        var isOver = false
    }

    private let plugin: KeystorePlugin
    private let order: LibraryOrder
    private let launcher: PluginLauncher
    /// Kept for the next start.
    private let configuration: SecretBytes
    private let channels: Int
    private let logger: Logger
    private let monitor = Monitor(State())
    private let changed = Condition()

    /// A call that is so much beyond its deadline is not coming back: the process is ended, and with it the hang.
    private static let patience = Duration.seconds(5)
    private static let startLimit = Duration.seconds(30)
    private static let lastWords = Duration.seconds(1)
    private static let closeLimit = Duration.seconds(30)
    /// The waits between two starts when the process does not stay for `ProcessLimits.steadyAfter`: doubled each time.
    private static let backoff = (first: Duration.milliseconds(100), longest: Duration.seconds(10))

    private init(
        _ plugin: KeystorePlugin, _ order: LibraryOrder, _ launcher: PluginLauncher, _ configuration: SecretBytes, channels: Int,
        logger: Logger
    ) {
        self.plugin = plugin
        self.order = order
        self.launcher = launcher
        self.configuration = configuration
        self.channels = channels
        self.logger = logger
    }

    static func open(
        _ plugin: KeystorePlugin, _ order: LibraryOrder, _ launcher: PluginLauncher, configuration: SecretBytes, channels: Int,
        logger: Logger, deadline: MonotonicTime
    ) -> Result<IsolatedInstance, KeystoreFailure> {
        let instance = IsolatedInstance(plugin, order, launcher, configuration, channels: channels, logger: logger)
        switch instance.start(until: deadline) {
        case .failure(let failure): return .failure(failure)
        case .success(let process):
            instance.install(process)
            guard DetachedThread.start("keystore-watch", { instance.supervise() }) else {
                process.kill()
                _ = process.reap()
                return .failure(KeystoreFailure(.internal, "the system has no thread to give"))
            }
            return .success(instance)
        }
    }

    // MARK: Calls

    func create(_ name: String, _ value: SecretBytes, _ deadline: MonotonicTime) -> Result<Void, KeystoreFailure> {
        call(Frame(kind: .create, deadline: deadline.nanoseconds, text: name, payload: value)).map { _ in () }
    }

    func get(_ name: String, _ deadline: MonotonicTime) -> Result<SecretBytes, KeystoreFailure> {
        call(Frame(kind: .get, deadline: deadline.nanoseconds, text: name)).flatMap { answer in
            guard answer.payload.count <= Int(KESWICK_VALUE_MAX) else { return .failure(Self.nonsense) }
            return .success(answer.payload)
        }
    }

    func delete(_ name: String, _ deadline: MonotonicTime) -> Result<Void, KeystoreFailure> {
        call(Frame(kind: .delete, deadline: deadline.nanoseconds, text: name)).map { _ in () }
    }

    func list(prefix: String, after: String, limit: Int, _ deadline: MonotonicTime) -> Result<[String], KeystoreFailure> {
        let position = Array(after.utf8)
        let frame = Frame(
            kind: .list, deadline: deadline.nanoseconds, limit: UInt64(limit), text: prefix,
            payload: SecretBytes(count: position.count) { $0.copyBytes(from: position) })
        return call(frame).flatMap { answer in
            // Looked at as if the plugin had given them here.
            let receiver = NamesReceiver(prefix: prefix, after: after, limit: limit)
            receiver.withSink { sink in
                for name in answer.text.split(separator: "\n") {
                    var name = String(name)
                    name.withUTF8 { sink.write(sink.context, keswick_bytes(data: $0.baseAddress, size: $0.count)) }
                }
            }
            return receiver.problem == nil ? .success(receiver.names) : .failure(Self.nonsense)
        }
    }

    func status(_ deadline: MonotonicTime) -> Result<Duration, KeystoreFailure> {
        let start = MonotonicTime.now
        return call(Frame(kind: .status, deadline: deadline.nanoseconds)).map { _ in .now - start }
    }

    private static let nonsense = KeystoreFailure(.internal, "the plugin's process gave an answer that makes no sense")

    private func call(_ frame: Frame) -> Result<Frame, KeystoreFailure> {
        let lease = monitor.withLock { state -> (process: PluginProcess, channel: Int, number: UInt64)? in
            guard let process = state.process, let channel = state.freeChannels.popLast() else { return nil }
            state.calls += 1
            return (process, channel, state.calls)
        }
        guard let (process, channel, number) = lease else {
            return .failure(KeystoreFailure(.unreachable, "the plugin's process is not running: it is being started again"))
        }
        var frame = frame
        frame.sequence = number
        let deadline = MonotonicTime(nanoseconds: frame.deadline)
        let answer: Frame
        do throws(FrameSocket.Problem) {
            try process.channels[channel].send(frame, until: deadline + Self.patience)
            answer = try process.channels[channel].receive(until: deadline + Self.patience)
        } catch {
            // The watching thread sees the end, and starts another.
            process.kill()
            switch error {
            case .timedOut:
                logger.error(
                    "keystore '\(plugin.name)': a call did not return within \(Self.patience) after its deadline: ending the process"
                )
                return .failure(.deadlinePassed)
            case .ended: return .failure(KeystoreFailure(.unreachable, "the plugin's process ended during the call"))
            }
        }
        guard answer.answers(frame) else {
            // Another answer than that to this call: nothing that comes from this process can be told apart any more.
            process.kill()
            logger.error("keystore '\(plugin.name)': the plugin's process gave an answer that nobody asked for: ending it")
            return .failure(Self.nonsense)
        }
        monitor.withLock { state in
            guard state.process === process else { return }
            state.freeChannels.append(channel)
        }
        return answer.code == 0 ? .success(answer) : .failure(answer.failure)
    }

    func close() {
        let limit = MonotonicTime.now + Self.closeLimit
        let process = monitor.withLock { state in
            state.isClosing = true
            changed.broadcast()
            // What is not open needs no closing.
            state.starting?.kill()
            return state.process
        }
        // When it cannot be told, it is ending already, which the watching thread sees.
        try? process?.control.send(Frame(kind: .close), until: limit)
        let isOver = monitor.wait(for: changed) { state in
            state.isOver || .now >= limit ? .done(state.isOver) : .wait(until: limit)
        }
        if isOver { return }
        logger.error("keystore '\(plugin.name)': its close did not return within \(Self.closeLimit): ending the plugin's process")
        abandon()
    }

    func abandon() {
        monitor.withLock { state in
            state.isClosing = true
            changed.broadcast()
            state.starting?.kill()
            state.process?.kill()
        }
    }

    // MARK: The process

    private func start(until deadline: MonotonicTime) -> Result<PluginProcess, KeystoreFailure> {
        let process: PluginProcess
        do throws(PluginProcess.Problem) {
            process = try PluginProcess(launcher, order.limits, channels: channels) { [logger, name = plugin.name] line in
                logger.warning("keystore '\(name)': its process wrote: \(line)")
            }
        } catch {
            return .failure(KeystoreFailure(.unreachable, error.text))
        }
        monitor.withLock { state in
            state.starting = process
            if state.isClosing { process.kill() }
        }
        defer { monitor.withLock { $0.starting = nil } }
        func open() -> Result<Frame, KeystoreFailure> {
            let opening = Frame(
                kind: .open, deadline: deadline.forPlugin().nanoseconds, sequence: 2, payload: configuration)
            return IsolatedPlugin.ask(process, opening, until: deadline, log: log)
        }
        let opened = IsolatedPlugin.load(order, in: process, until: deadline, log: log)
            .flatMap(check)
            .flatMap(open)
        guard case .failure(let failure) = opened else { return .success(process) }
        return .failure(IsolatedPlugin.giveUp(process, after: failure))
    }

    /// Whether a library is still the one that the server knows: how it is called, and what is promised of it, depends on that.
    private func check(_ description: PluginDescription) -> Result<Void, KeystoreFailure> {
        let expected = plugin.description
        guard description.name == expected.name, description.abiVersion == expected.abiVersion,
            description.isSerial == expected.isSerial, description.isDurable == expected.isDurable
        else {
            return .failure(
                KeystoreFailure(
                    .unreachable,
                    "the library \(plugin.libraryPath) is now another one: it was \(expected.summary), and is "
                        + "\(description.summary). Put the first one back, or start the server again"))
        }
        if description.version != expected.version {
            logger.notice(
                "keystore '\(plugin.name)': its library is now of version \(description.version), before \(expected.version)")
        }
        return .success(())
    }

    /// Calls go to the process from now on.
    private func install(_ process: PluginProcess) {
        monitor.withLock { state in
            state.process = process
            state.freeChannels = Array(0..<channels)
        }
    }

    /// Writes what the plugin logs, and replaces the process when it ends, until the keystore is closed.
    private func supervise() {
        var failures = 0
        while let (end, lifetime) = watchToItsEnd() {
            failures = lifetime >= order.limits.steadyAfter ? 0 : failures + 1
            logger.error(
                """
                keystore '\(plugin.name)': the plugin's process is gone: \(end). Calls in flight failed; starting it again \
                \(failures == 0 ? "at once" : "in \(Self.pause(after: failures))")
                """)
            guard restart(&failures) else { break }
        }
        monitor.withLock { state in
            state.isOver = true
            changed.broadcast()
        }
    }

    /// Watches the process that takes calls, and lets go of it, and with it of its sockets, when it has ended: then says how, and how long it
    /// lived; nil when the keystore is being closed.
    private func watchToItsEnd() -> (PluginProcess.End, Duration)? {
        guard let process = monitor.withLock({ $0.process }) else { return nil }
        watch(process)
        process.kill()
        let end = process.reap()
        let isClosing = monitor.withLock { state in
            state.process = nil
            state.freeChannels = []
            return state.isClosing
        }
        return isClosing ? nil : (end, .now - process.start)
    }

    /// Reads from the control socket until the process ends or has closed its instance.
    private func watch(_ process: PluginProcess) {
        var limit: MonotonicTime?
        while limit.map({ .now < $0 }) ?? true, let frame = try? process.control.receive(until: limit) {
            // The one result that comes here is that of `close`.
            guard frame.kind == .log else { return }
            log(frame)
            // What it had said before its end is read, but not what others go on to say.
            if limit == nil, process.hasEnded { limit = .now + Self.lastWords }
        }
    }

    private static func pause(after failures: Int) -> Duration {
        failures == 0 ? .zero : min(backoff.first * (1 << min(failures - 1, 16)), backoff.longest)
    }

    /// Starts a process, again and again; false when the keystore is closed meanwhile.
    private func restart(_ failures: inout Int) -> Bool {
        while true {
            let next = MonotonicTime.now + Self.pause(after: failures)
            let isClosing = monitor.wait(for: changed) { state -> Monitor<State>.Step<Bool> in
                state.isClosing || MonotonicTime.now >= next ? .done(state.isClosing) : .wait(until: next)
            }
            if isClosing { return false }
            switch start(until: .now + Self.startLimit) {
            case .success(let process):
                install(process)
                if monitor.withLock({ $0.isClosing }) {
                    process.kill()
                } else {
                    logger.info("keystore '\(plugin.name)': the plugin's process runs again")
                }
                return true
            case .failure(let failure):
                failures += 1
                logger.error("keystore '\(plugin.name)': the plugin's process could not be started: \(failure)")
            }
        }
    }

    private func log(_ frame: Frame) {
        let levels = Logger.Level.allCases
        var text = frame.text
        let line = text.withUTF8 { OperatorText.decode(UnsafeRawBufferPointer($0)) }
        logger.log(level: levels.indices.contains(Int(frame.code)) ? levels[Int(frame.code)] : .error, "\(line)")
    }
}
