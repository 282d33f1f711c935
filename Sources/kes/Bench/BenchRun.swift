import KESClient
import SecureBytes
import Synchronization

/// The request that `kes bench` makes over and over. What it needs is asked for in advance, so that what is wrong is said at once.
struct BenchAction: Sendable {
    private enum Request {
        case generate
        case encrypt(SecretBytes)
        case decrypt([UInt8], plaintext: SecretBytes)
    }

    private let client: KESClient
    private let key: String
    private let request: Request

    init(_ operation: BenchCommand.Operation, key: String, _ client: KESClient) async throws(KESError) {
        self.client = client
        self.key = key
        let dataKey = try await client.generateDataKey(key)
        switch operation {
        case .generate: request = .generate
        case .encrypt: request = .encrypt(dataKey.plaintext)
        case .decrypt: request = .decrypt(dataKey.ciphertext, plaintext: dataKey.plaintext)
        }
    }

    /// - Throws: also when the answer is not the right one.
    func perform() async throws {
        switch request {
        case .generate:
            _ = try await client.generateDataKey(key)
        case .encrypt(let plaintext):
            _ = try await client.encrypt(key, plaintext: plaintext)
        case .decrypt(let ciphertext, let plaintext):
            guard try await client.decrypt(key, ciphertext: ciphertext) == plaintext else {
                throw CommandFailure("the server decrypted a ciphertext to something else than its plaintext")
            }
        }
    }
}

/// What came of it.
struct BenchResult: Sendable {
    var latencies = LatencyHistogram()
    /// How often requests failed, by what was said of it.
    var errors: [String: Int] = [:]
    var seconds = 0.0

    var rate: Double { seconds > 0 ? Double(latencies.count) / seconds : 0 }

    mutating func add(_ other: BenchResult) {
        latencies.add(other.latencies)
        errors.merge(other.errors, uniquingKeysWith: +)
    }
}

/// One measurement: tasks that make the request one time after the other until the time is up.
struct BenchRun {
    let action: BenchAction
    let concurrency: Int
    let duration: Duration
    let output: Output

    /// What the tasks have done so far, for the progress line.
    private final class Count: Sendable {
        let requests = Atomic(0)
    }

    func run() async throws -> BenchResult {
        let count = Count()
        let start = ContinuousClock.now
        let end = start + duration
        let progress = Task { try await show(count, start: start) }
        defer { progress.cancel() }
        var result = await withTaskGroup(of: BenchResult.self) { group in
            for _ in 0..<concurrency { group.addTask { await work(until: end, count) } }
            return await group.reduce(into: BenchResult()) { $0.add($1) }
        }
        result.seconds = (ContinuousClock.now - start) / .seconds(1)
        progress.cancel()
        _ = await progress.result
        return result
    }

    private func work(until end: ContinuousClock.Instant, _ count: Count) async -> BenchResult {
        var result = BenchResult()
        var began = ContinuousClock.now
        while began < end {
            do {
                try await action.perform()
                let now = ContinuousClock.now
                result.latencies.record(now - began)
                began = now
            } catch {
                result.errors["\(error)", default: 0] += 1
                // A server that refuses at once must not be asked a hundred thousand times a second.
                try? await Task.sleep(for: .milliseconds(10))
                began = ContinuousClock.now
            }
            count.requests.wrappingAdd(1, ordering: .relaxed)
        }
        return result
    }

    private func show(_ count: Count, start: ContinuousClock.Instant) async throws {
        let line = ProgressLine<Int> { requests in
            let elapsed = ContinuousClock.now - start
            let rate = Double(requests) / max(elapsed / .seconds(1), 0.001)
            let share = min(1, elapsed / duration)
            let filled = Int(24 * share)
            let done = output.green(String(repeating: "█", count: filled))
            let left = output.faint(String(repeating: "░", count: 24 - filled))
            return "\(done)\(left) \(Int(share * 100)) %  \(Quantity.rate(rate)) requests/s"
        }
        defer { line.clear() }
        while true {
            line.show(count.requests.load(ordering: .relaxed))
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
