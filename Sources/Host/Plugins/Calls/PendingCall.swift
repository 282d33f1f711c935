import NIOConcurrencyHelpers

/// A call that waits for a thread, runs on one, or is over.
protocol PendingCall: AnyObject, Sendable {
    /// When the caller stops waiting.
    var deadline: MonotonicTime { get }
    /// What is called, for the log.
    var label: String { get }
    /// Whether it may take as long as there are keys.
    var isList: Bool { get }
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
    let isList: Bool
    private let body: @Sendable (MonotonicTime) -> Result<Success, KeystoreFailure>
    private let completion: NIOLockedValueBox<Completion?>
    private let settled: Completion?

    /// - Parameters:
    ///   - body: makes the call, with the deadline that the plugin is told.
    ///   - settled: runs once, when the call can have no further effect, with what it came to: right before the completion, or, when
    ///     that got a timeout already, after the plugin's function has returned.
    init(
        _ label: String, isList: Bool = false, deadline: MonotonicTime,
        body: @escaping @Sendable (MonotonicTime) -> Result<Success, KeystoreFailure>,
        settled: Completion? = nil, completion: @escaping Completion
    ) {
        self.label = label
        self.isList = isList
        self.deadline = deadline
        self.body = body
        self.settled = settled
        self.completion = NIOLockedValueBox(completion)
    }

    func perform() -> () -> Void {
        let result = body(deadline.forPlugin())
        return { [self] in
            settled?(result)
            complete(result)
        }
    }

    func expire() {
        complete(.failure(.deadlinePassed))
    }

    func refuse(_ failure: KeystoreFailure) {
        settled?(.failure(failure))
        complete(.failure(failure))
    }

    private func complete(_ result: Result<Success, KeystoreFailure>) {
        let waiting = completion.withLockedValue { completion in
            defer { completion = nil }
            return completion
        }
        waiting?(result)
    }
}

extension KeystoreFailure {
    static var deadlinePassed: KeystoreFailure { KeystoreFailure(.timeout, "no answer within the time limit") }
}
