import Logging
import PluginAPI
import SecureBytes

/// An open keystore: the border between the server, which never blocks, and a plugin, which may.
///
/// Calls run on threads of the bridge's own, at most `Limits.threads` at once and one if the plugin is serial. Each carries a
/// time limit, at which its completion gets `.timeout` whatever the plugin does; what the plugin gives later is wiped and
/// dropped. A completion runs exactly once, on a thread of the bridge or, when the call fails at once, on the caller's before
/// the function returns. It must be short and must not block.
package final class KeystoreBridge: Sendable {
    /// How much of the process a keystore may use.
    package struct Limits: Sendable, Equatable {
        /// The most threads, and so the most calls at once; 1 to 1024.
        package var threads: Int
        /// When so many calls did not return by their deadlines, others fail at once, with `.unreachable`, until one returns.
        package var stuckCalls: Int
        /// The most calls that wait for a thread. More fail at once, with `.busy`.
        package var queuedCalls: Int

        /// `stuckCalls` is all threads unless it is given: as long as one is left, it goes on serving.
        package init(threads: Int = 16, stuckCalls: Int? = nil, queuedCalls: Int = 4096) {
            self.threads = min(max(threads, 1), 1024)
            self.stuckCalls = min(max(stuckCalls ?? self.threads, 1), self.threads)
            self.queuedCalls = max(queuedCalls, 1)
        }
    }

    /// How `close` ended.
    package enum CloseOutcome: Equatable, Sendable {
        /// The plugin closed its instance.
        case closed
        /// So many calls did not return in time. The plugin's `close` was not called, which would be undefined behaviour: the
        /// instance stays open until the process ends; the one of its own, if it has one, is ended now.
        case callsStillRunning(Int)
        /// The plugin's `close` did not return in time, or the system had no thread to call it on. Its process, if it has one of its own, is ended.
        case closeStillRunning
        /// `close` was called before.
        case closedBefore
    }

    package typealias Completion<Success: Sendable> = @Sendable (Result<Success, KeystoreFailure>) -> Void

    package let plugin: KeystorePlugin
    private let instance: any KeystoreInstance
    private let pool: CallPool
    private let logger: Logger
    private let isClosed = Monitor(false)

    private init(plugin: KeystorePlugin, instance: any KeystoreInstance, limits: Limits, logger: Logger) {
        self.plugin = plugin
        self.instance = instance
        self.logger = logger
        let serial = plugin.isSerial
        pool = CallPool(
            keystore: plugin.name,
            limits: .init(
                threads: serial ? 1 : limits.threads, stuck: serial ? 1 : limits.stuckCalls, queue: limits.queuedCalls),
            logger: logger)
    }

    // MARK: Calls

    /// Stores `value` under `name` if the name is free; fails with `.exists` if it is not.
    ///
    /// - Parameter settled: runs once, when the call can change the keystore no more, with what it came to: right before the
    ///   completion, or, when that got `.timeout` already, after the plugin's function has returned.
    package func create(
        _ name: String, value: SecretBytes, timeout: Duration, settled: Completion<Void>? = nil,
        completion: @escaping Completion<Void>
    ) {
        let isAllowed = KeystoreName.isValid(name) && value.count <= Int(KESWICK_VALUE_MAX)
        submit("create of '\(name)'", timeout, isAllowed, settled, completion) { instance, deadline in
            instance.create(name, value, deadline)
        }
    }

    /// Reads the value under `name`; fails with `.notFound` if there is none.
    package func get(_ name: String, timeout: Duration, completion: @escaping Completion<SecretBytes>) {
        submit("get of '\(name)'", timeout, KeystoreName.isValid(name), nil, completion) { instance, deadline in
            instance.get(name, deadline)
        }
    }

    /// Removes `name` and its value; fails with `.notFound` if there is none. For `settled` see `create`.
    package func delete(
        _ name: String, timeout: Duration, settled: Completion<Void>? = nil, completion: @escaping Completion<Void>
    ) {
        submit("delete of '\(name)'", timeout, KeystoreName.isValid(name), settled, completion) { instance, deadline in
            instance.delete(name, deadline)
        }
    }

    /// Gives the first `limit` names, in bytewise order, that begin with `prefix` and are greater than `after`. Fewer mean that
    /// there are no more.
    package func list(prefix: String, after: String, limit: Int, timeout: Duration, completion: @escaping Completion<[String]>) {
        let isAllowed = KeystoreName.isValidBound(prefix) && KeystoreName.isValidBound(after) && limit >= 1
        submit("list of '\(prefix)'", isList: true, timeout, isAllowed, nil, completion) { instance, deadline in
            instance.list(prefix: prefix, after: after, limit: limit, deadline)
        }
    }

    /// Asks whether the backend can be used, and gives how long the plugin took to say so.
    package func status(timeout: Duration, completion: @escaping Completion<Duration>) {
        submit("status", timeout, true, nil, completion) { instance, deadline in instance.status(deadline) }
    }

    private func submit<Success>(
        _ label: String, isList: Bool = false, _ timeout: Duration, _ isAllowed: Bool, _ settled: Completion<Success>?,
        _ completion: @escaping Completion<Success>,
        _ body: @escaping @Sendable (any KeystoreInstance, MonotonicTime) -> Result<Success, KeystoreFailure>
    ) {
        let call = TypedCall(
            label, isList: isList, deadline: .now + timeout, body: { [instance] in body(instance, $0) }, settled: settled,
            completion: completion)
        guard isAllowed else {
            return call.refuse(KeystoreFailure(.invalid, "the plugin interface does not allow such a name, value or limit"))
        }
        pool.submit(call)
    }

    // MARK: Open and close

    /// Opens a keystore. Blocks until the plugin has answered, but not longer than `timeout`.
    ///
    /// - Parameters:
    ///   - configuration: what the plugin's member of the `keystore:` section holds, as JSON.
    ///   - logger: the error log, for the plugin's lines and for what goes wrong at the border.
    package static func open(
        _ plugin: KeystorePlugin, configuration: SecretBytes, limits: Limits = Limits(), timeout: Duration, logger: Logger
    ) throws(PluginError) -> KeystoreBridge {
        let deadline = MonotonicTime.now + timeout
        let services = HostServices(keystore: plugin.name, logger: logger)
        let answer = OneAnswer<Result<any KeystoreInstance, KeystoreFailure>>()
        let started = DetachedThread.start("keystore-open") {
            let result = instance(plugin, configuration, limits, services, deadline, logger)
            // Nobody waits any more: nobody else will close what came too late.
            if !answer.give(result), case .success(let late) = result { late.close() }
        }
        guard started else {
            throw .openFailed(plugin: plugin.name, KeystoreFailure(.internal, "the system has no thread to give"))
        }
        switch answer.wait(until: deadline) {
        case .success(let instance)?: return KeystoreBridge(plugin: plugin, instance: instance, limits: limits, logger: logger)
        case .failure(let failure)?: throw .openFailed(plugin: plugin.name, failure)
        case nil: throw .openFailed(plugin: plugin.name, .deadlinePassed)
        }
    }

    /// Opens the plugin in this process or in one of its own.
    private static func instance(
        _ plugin: KeystorePlugin, _ configuration: SecretBytes, _ limits: Limits, _ services: HostServices,
        _ deadline: MonotonicTime,
        _ logger: Logger
    ) -> Result<any KeystoreInstance, KeystoreFailure> {
        guard let (order, launcher) = plugin.isolation else {
            return PluginInstance.open(
                plugin, configuration: configuration, services: services, deadline: deadline.forPlugin()
            ).map { $0 }
        }
        return IsolatedInstance.open(
            plugin, order, launcher, configuration: configuration, channels: plugin.isSerial ? 1 : limits.threads, logger: logger,
            deadline: deadline
        ).map { $0 }
    }

    /// Refuses new calls, waits for those that run, and closes the instance. Blocks, but not longer than `limit`.
    ///
    /// The library stays loaded. A bridge must be closed to give its threads back; one that is not keeps them.
    @discardableResult
    package func close(within limit: Duration) -> CloseOutcome {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return .closedBefore }
        let deadline = MonotonicTime.now + limit
        let running = pool.close(deadline: deadline)
        guard running == 0 else {
            logger.error(
                "keystore '\(plugin.name)': not closed, because \(Plural.count(running, "call")) \(running == 1 ? "has" : "have") not returned"
            )
            instance.abandon()
            return .callsStillRunning(running)
        }
        let answer = OneAnswer<Void>()
        let started = DetachedThread.start("keystore-close") { [instance] in
            instance.close()
            _ = answer.give(())
        }
        guard started, answer.wait(until: deadline) != nil else {
            let reason =
                started ? "its close did not return within \(limit)" : "not closed, because the system has no thread to give"
            logger.error("keystore '\(plugin.name)': \(reason)")
            instance.abandon()
            return .closeStillRunning
        }
        return .closed
    }
}
