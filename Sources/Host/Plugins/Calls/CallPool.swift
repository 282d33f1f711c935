import Logging

/// A bounded number of threads that run calls which may block, or never return.
///
/// A caller always gets an answer by its deadline. A call that is still running then is *stuck*: it keeps its thread until it
/// returns. Threads start when they are needed; one more keeps the time.
final class CallPool: Sendable {
    struct Limits: Sendable {
        var threads: Int
        /// With so many calls stuck, new and queued ones fail at once.
        var stuck: Int
        var queue: Int
    }

    private struct Running {
        var call: any PendingCall
        var isStuck = false
    }

    private struct State {
        var queue: CallQueue
        /// By the number of the thread.
        var running: [Int: Running] = [:]
        var threads = 0
        /// Those that wait for work, also when they were woken for a queued call and have not taken it up yet.
        var idleThreads = 0
        var startedThreads = 0
        var stuck = 0
        var hasTimer = false
        /// When the timer looks next.
        var timerWakes: MonotonicTime?
        var isClosed = false
    }

    private let limits: Limits
    /// The keystore's name, for messages.
    private let keystore: String
    private let logger: Logger
    private let monitor: Monitor<State>
    private let work = Condition()
    private let timer = Condition()
    private let ended = Condition()

    init(keystore: String, limits: Limits, logger: Logger) {
        self.keystore = keystore
        self.limits = limits
        self.logger = logger
        monitor = Monitor(State(queue: CallQueue(capacity: limits.queue, threads: limits.threads)))
    }

    // MARK: Callers

    private enum Admission {
        case refused(KeystoreFailure)
        case queued(newThread: Int?, newTimer: Bool)
    }

    /// Queues a call. Never blocks; the completion of a call that cannot be queued runs before this returns.
    func submit(_ call: any PendingCall) {
        switch monitor.withLock({ admit(call, &$0) }) {
        case .refused(let failure): call.refuse(failure)
        case .queued(let newThread, let newTimer):
            if newTimer, !DetachedThread.start("keystore-timer", { self.keepTime() }) { abandonTimer() }
            if let newThread, !DetachedThread.start("keystore-\(newThread)", { self.work(as: newThread) }) { abandonThread() }
        }
    }

    private func admit(_ call: any PendingCall, _ state: inout State) -> Admission {
        if state.isClosed { return .refused(closedFailure) }
        if state.stuck >= limits.stuck { return .refused(stuckFailure(state.stuck)) }
        if let excess = state.queue.excess(with: call) {
            return .refused(
                KeystoreFailure(
                    .busy, "\(Plural.count(excess, "call")) \(excess == 1 ? "waits" : "wait") for the keystore already"))
        }
        state.queue.append(call)
        var newThread: Int?
        if state.queue.readyCount > state.idleThreads, state.threads < limits.threads {
            newThread = state.startedThreads
            state.startedThreads += 1
            state.threads += 1
        }
        let newTimer = !state.hasTimer
        state.hasTimer = true
        work.signal()
        if state.timerWakes.map({ call.deadline < $0 }) ?? true {
            state.timerWakes = call.deadline
            timer.signal()
        }
        return .queued(newThread: newThread, newTimer: newTimer)
    }

    /// The system gave no thread. The others will do; without any, nobody would ever take the calls up.
    private func abandonThread() {
        let orphans = monitor.withLock { state in
            state.threads -= 1
            ended.broadcast()
            return state.threads == 0 ? state.queue.removeAll() : []
        }
        for call in orphans { call.refuse(KeystoreFailure(.unreachable, "the system has no thread to give")) }
    }

    /// Without a timer no deadline would be kept: what is queued fails, and the next call tries again.
    private func abandonTimer() {
        let orphans = monitor.withLock { state in
            state.hasTimer = false
            state.timerWakes = nil
            return state.queue.removeAll()
        }
        for call in orphans { call.refuse(KeystoreFailure(.unreachable, "the system has no thread to give")) }
    }

    // MARK: Threads

    private func work(as number: Int) {
        while let call = nextCall(for: number) {
            let deliver = call.perform()
            // First, so that a call which returned in time does not count as stuck while its result is delivered.
            let stuckCall = finish(number)
            deliver()
            guard let stuckCall else { continue }
            let (label, late) = (stuckCall.call.label, MonotonicTime.now - stuckCall.call.deadline)
            logger.warning("keystore '\(keystore)': \(label) returned after all, \(late) too late; \(stuckCall.left) are stuck")
        }
    }

    private func nextCall(for number: Int) -> (any PendingCall)? {
        var isIdle = false
        return monitor.wait(for: work) { state in
            if isIdle { state.idleThreads -= 1 }
            isIdle = false
            if let call = state.queue.next() {
                state.running[number] = Running(call: call)
                // A list that has just returned may have made room for another while this thread takes something else.
                if state.queue.readyCount > 0, state.idleThreads > 0 { work.signal() }
                return .done(call)
            }
            if state.isClosed {
                state.threads -= 1
                ended.broadcast()
                timer.signal()
                return .done(nil)
            }
            state.idleThreads += 1
            isIdle = true
            return .wait(until: nil)
        }
    }

    /// Notes that a thread is done with its call. If that was stuck, returns it, and how many others still are.
    private func finish(_ number: Int) -> (call: any PendingCall, left: Int)? {
        monitor.withLock { state in
            guard let running = state.running.removeValue(forKey: number) else { return nil }
            state.queue.returned(running.call)
            guard running.isStuck else { return nil }
            state.stuck -= 1
            return (running.call, state.stuck)
        }
    }

    // MARK: Time

    private struct Overdue {
        var queued: [any PendingCall] = []
        var refused: [any PendingCall] = []
        var running: [any PendingCall] = []
        var stuck = 0
    }

    private func keepTime() {
        while let overdue = nextOverdue() {
            for call in overdue.running {
                call.expire()
                logger.error(
                    """
                    keystore '\(keystore)': \(call.label) did not return by its deadline and holds its thread until it does; \
                    \(overdue.stuck) of at most \(Plural.count(limits.stuck, "call")) \(overdue.stuck == 1 ? "is" : "are") stuck
                    """)
            }
            for call in overdue.queued { call.refuse(.deadlinePassed) }
            for call in overdue.refused { call.refuse(stuckFailure(overdue.stuck)) }
        }
    }

    /// Waits until a deadline passes. Returns nil when the pool was closed and its last thread has ended.
    private func nextOverdue() -> Overdue? {
        monitor.wait(for: timer) { state in
            let now = MonotonicTime.now
            var overdue = Overdue()
            var earliest: MonotonicTime?
            for (number, running) in state.running where !running.isStuck {
                if running.call.deadline <= now {
                    state.running[number]?.isStuck = true
                    state.stuck += 1
                    overdue.running.append(running.call)
                } else {
                    earliest = min(earliest ?? running.call.deadline, running.call.deadline)
                }
            }
            if state.stuck >= limits.stuck {
                overdue.refused = state.queue.removeAll()
            } else {
                overdue.queued = state.queue.removeOverdue(at: now)
            }
            if let queued = state.queue.earliestDeadline { earliest = min(earliest ?? queued, queued) }
            overdue.stuck = state.stuck
            state.timerWakes = earliest
            if overdue.running.isEmpty, overdue.queued.isEmpty, overdue.refused.isEmpty {
                return state.isClosed && state.threads == 0 ? .done(nil) : .wait(until: earliest)
            }
            return .done(overdue)
        }
    }

    // MARK: Closing

    /// Refuses new calls, and waits until all others have returned, also those that are queued, but not beyond `deadline`. Blocks.
    ///
    /// - Returns: how many calls are still running.
    func close(deadline: MonotonicTime) -> Int {
        monitor.withLock { state in
            state.isClosed = true
            work.broadcast()
            timer.signal()
        }
        var queued: [any PendingCall] = []
        let running: Int = monitor.wait(for: ended) { state in
            guard state.threads == 0 || MonotonicTime.now >= deadline else { return .wait(until: deadline) }
            queued = state.queue.removeAll()
            return .done(state.running.count)
        }
        for call in queued { call.refuse(closedFailure) }
        return running
    }

    private var closedFailure: KeystoreFailure { KeystoreFailure(.unreachable, "the keystore '\(keystore)' is closed") }

    private func stuckFailure(_ stuck: Int) -> KeystoreFailure {
        KeystoreFailure(
            .unreachable,
            stuck == 1
                ? "1 call did not return by its deadline and still holds its thread"
                : "\(stuck) calls did not return by their deadlines and still hold their threads")
    }
}
