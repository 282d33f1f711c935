/// Hands one answer from a thread to another that waits for it, but not for ever.
final class OneAnswer<Answer: Sendable>: Sendable {
    private enum State {
        case awaited
        case given(Answer)
        case abandoned
    }

    private let monitor = Monitor(State.awaited)
    private let given = Condition()

    /// Returns whether somebody still waited.
    func give(_ answer: Answer) -> Bool {
        monitor.withLock { state in
            guard case .awaited = state else { return false }
            state = .given(answer)
            given.signal()
            return true
        }
    }

    /// Returns nil when there was no answer by `deadline`.
    func wait(until deadline: MonotonicTime) -> Answer? {
        monitor.wait(for: given) { state in
            if case .given(let answer) = state { return .done(answer) }
            guard MonotonicTime.now >= deadline else { return .wait(until: deadline) }
            state = .abandoned
            return .done(nil)
        }
    }
}
