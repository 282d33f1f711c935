import Glibc
import Host
import Logging
import NIOConcurrencyHelpers
import SecureBytes
import Synchronization

/// Awaits a completion. The continuation traps when it runs twice.
func once<Value: Sendable>(_ start: @escaping (@escaping @Sendable (Value) -> Void) -> Void) async -> Value {
    await handedOver(start)
}

/// A continuation whose value goes from thread to thread behind a lock: ThreadSanitizer does not see that Swift's runtime, which is not
/// instrumented, orders what is before `resume` and what is behind `await`.
private func handedOver<Value: Sendable>(_ start: (@escaping @Sendable (Value) -> Void) -> Void) async -> Value {
    let values = NIOLockedValueBox<[Value]>([])
    await withCheckedContinuation { continuation in
        start { value in
            values.withLockedValue { $0.append(value) }
            continuation.resume()
        }
    }
    return values.withLockedValue { $0[0] }
}

private final class Start: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs what blocks on a thread of its own, so that the test's thread pool stays free.
@discardableResult
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await handedOver { done in
        let start = Unmanaged.passRetained(Start { done(body()) })
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, start.toOpaque())
        precondition(result == 0, "no thread")
        pthread_detach(thread)
    }
}

/// Collects what is logged.
final class LogRecorder: Sendable {
    private struct State {
        var messages: [(level: Logger.Level, text: String)] = []
        var waiting: [(level: Logger.Level, count: Int, continuation: CheckedContinuation<Void, Never>)] = []

        func count(_ level: Logger.Level) -> Int { messages.count { $0.level == level } }
    }

    private let state = NIOLockedValueBox(State())

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    func messages(_ level: Logger.Level) -> [String] {
        state.withLockedValue { $0.messages.filter { $0.level == level }.map(\.text) }
    }

    /// Returns when there are so many messages of a level.
    func wait(for count: Int, _ level: Logger.Level) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLockedValue { state in
                if state.count(level) >= count { return true }
                state.waiting.append((level, count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func add(_ level: Logger.Level, _ text: String) {
        let ready = state.withLockedValue { state in
            state.messages.append((level, text))
            let waiting = state.waiting
            let ready = waiting.filter { state.count($0.level) >= $0.count }
            state.waiting = waiting.filter { state.count($0.level) < $0.count }
            return ready
        }
        for entry in ready { entry.continuation.resume() }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.add(event.level, "\(event.message)")
        }
    }
}

extension SecretBytes {
    convenience init(text: String) {
        let bytes = Array(text.utf8)
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// What the bytes are, for comparisons in tests, where nothing is secret.
    var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

extension Result where Failure == KeystoreFailure {
    var failure: KeystoreFailure? {
        if case .failure(let failure) = self { return failure }
        return nil
    }

    var isSuccess: Bool { failure == nil }
}

/// Collects what happened, in order.
final class Recorder: Sendable {
    private let storage = NIOLockedValueBox<[String]>([])

    var all: [String] { storage.withLockedValue { $0 } }

    func add(_ event: String) { storage.withLockedValue { $0.append(event) } }
}

/// Says to others that something has happened.
final class Flag: Sendable {
    private let storage = Atomic(false)

    var isSet: Bool { storage.load(ordering: .relaxed) }

    func set() { storage.store(true, ordering: .relaxed) }
}
