import Synchronization

/// A call that waits for a thread, runs on one, or is over.
protocol PendingCall: AnyObject, Sendable {
    /// When the caller stops waiting.
    var deadline: MonotonicTime { get }
    /// What is called, for the log.
    var label: String { get }
    /// Runs the call on this thread, for as long as it takes, and returns what delivers its result.
    func perform() -> () -> Void
    /// Answers the caller of a call that runs. The result, when it comes, is dropped.
    func expire()
    /// Answers the caller of a call that will never run.
    func refuse(_ failure: KeystoreFailure)
}

/// A call with a result of one type. Its completion runs exactly once, on whatever thread has the answer first.
final class TypedCall<Success: Sendable>: PendingCall {
    typealias Completion = @Sendable (Result<Success, KeystoreFailure>) -> Void

    let deadline: MonotonicTime
    let label: String
    private let body: @Sendable (MonotonicTime) -> Result<Success, KeystoreFailure>
    private let completion: Mutex<Completion?>
    private let settled: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - settled: runs once, when the call can have no further effect: after the completion, or, when that came first with
    ///     a timeout, after the plugin's function returned.
    init(
        _ label: String, deadline: MonotonicTime, body: @escaping @Sendable (MonotonicTime) -> Result<Success, KeystoreFailure>,
        settled: (@Sendable () -> Void)? = nil, completion: @escaping Completion
    ) {
        self.label = label
        self.deadline = deadline
        self.body = body
        self.settled = settled
        self.completion = Mutex(completion)
    }

    func perform() -> () -> Void {
        let result = body(deadline)
        return { [self] in
            complete(result)
            settled?()
        }
    }

    func expire() {
        complete(.failure(.deadlinePassed))
    }

    func refuse(_ failure: KeystoreFailure) {
        complete(.failure(failure))
        settled?()
    }

    private func complete(_ result: Result<Success, KeystoreFailure>) {
        let waiting = completion.withLock { completion in
            defer { completion = nil }
            return completion
        }
        waiting?(result)
    }
}

extension KeystoreFailure {
    static var deadlinePassed: KeystoreFailure { KeystoreFailure(.timeout, "no answer within the time limit") }
}
