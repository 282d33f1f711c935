/// Does something that may block again and again, on a thread of its own, until it is ended.
///
/// Not on SwiftNIO's pool for what blocks: that makes its threads when they are first needed, a second after the start, and ends the process
/// when the system has none to give.
final class PeriodicThread: Sendable {
    private let isEnded = Monitor(false)
    private let end = Condition()

    /// - Parameters:
    ///   - name: At most 15 bytes.
    ///   - interval: Between two runs, and before the first.
    /// - Throws: When the system has no thread to give.
    init(_ name: String, every interval: Duration, _ body: @escaping @Sendable () -> Void) throws(ServerError) {
        let (isEnded, end) = (self.isEnded, self.end)
        let isStarted = DetachedThread.start(name) {
            while !Self.waits(interval, isEnded, end) { body() }
        }
        guard isStarted else {
            throw ServerError(
                "the system has no thread to give; raise the limit of processes (LimitNPROC, ulimit -u) or of the control group (TasksMax)"
            )
        }
    }

    deinit { stop() }

    /// The body is not run again. It may still run.
    func stop() {
        isEnded.withLock { $0 = true }
        end.broadcast()
    }

    /// Whether the end came before the interval was over.
    private static func waits(_ interval: Duration, _ isEnded: Monitor<Bool>, _ end: Condition) -> Bool {
        let until = MonotonicTime.now + interval
        return isEnded.wait(for: end) { isEnded in
            isEnded || MonotonicTime.now >= until ? .done(isEnded) : .wait(until: until)
        }
    }
}
