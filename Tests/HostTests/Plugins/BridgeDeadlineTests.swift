import Host
import SecureBytes
import Testing

@Suite("A call that does not return", .timeLimit(.minutes(1)))
struct BridgeDeadlineTests {
    /// Short enough not to slow the tests, and long enough for a call to have begun on a busy machine: one that has not is settled at once.
    private let short = Duration.milliseconds(500)

    @Test("fails with a timeout at its deadline, while other calls are served")
    func timeout() async throws {
        let keystore = try ScriptedKeystore()
        _ = await keystore.create("key", SecretBytes(text: "x"))
        #expect(await keystore.get("block-key", timeout: short).failure?.kind == .timeout)
        #expect(try await keystore.get("key").get().text == "x")
        #expect(await keystore.create("other", SecretBytes(text: "y")).isSuccess)
        await keystore.log.wait(for: 1, .error)
        let errors = keystore.log.messages(.error)
        #expect(errors.count == 1)
        #expect(errors.first?.contains("get of 'block-key' did not return by its deadline") == true)
    }

    @Test("is another than one that returns TIMEOUT exactly at its deadline: that is heard, and not stuck")
    func onTime() async throws {
        let keystore = try ScriptedKeystore()
        let failure = await keystore.get("punctual-key", timeout: .seconds(1)).failure
        #expect(failure == KeystoreFailure(.timeout, "gave up at the deadline"))
        #expect(keystore.log.messages(.error) == [])
    }

    @Test("is logged again, once, when it returns after all, and its result is dropped")
    func lateReturn() async throws {
        let keystore = try ScriptedKeystore()
        #expect(await keystore.create("block-key", SecretBytes(text: "x"), timeout: short).failure?.kind == .timeout)
        keystore.openGate()
        await keystore.log.wait(for: 1, .warning)
        // That it was late is logged by a thread of its own, behind the answer.
        await keystore.log.wait(for: 1, .error)
        // The plugin did store it, as it may: only the answer was given up.
        #expect(try await keystore.get("block-key").get().text == "x")
        #expect(keystore.log.messages(.warning).count == 1)
        #expect(keystore.log.messages(.error).count == 1)
    }

    @Test("when all threads are held, further and waiting calls fail at once, until one returns")
    func allStuck() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 2))
        async let waiting = keystore.blockedThenQueued(timeout: short)
        #expect(await waiting.map(\.failure?.kind) == [.timeout, .timeout, .unreachable])
        // Its time limit is an hour: that it fails shows that it did not wait.
        let refused = await keystore.get("key", timeout: .seconds(3600)).failure
        #expect(refused?.kind == .unreachable)
        #expect(refused?.message.hasPrefix("2 calls did not return") == true)
        await keystore.log.wait(for: 2, .error)
        #expect(keystore.log.messages(.error).count == 2)

        keystore.openGate()
        await keystore.log.wait(for: 2, .warning)
        #expect(await keystore.get("key").failure?.kind == .notFound)
    }

    @Test("counts against a limit below the number of threads")
    func stuckLimit() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 4, stuckCalls: 1))
        #expect(await keystore.get("block-key", timeout: short).failure?.kind == .timeout)
        #expect(await keystore.get("key").failure?.kind == .unreachable)
    }

    @Test("lets those that wait for its thread time out as well")
    func queuedTimeout() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 1))
        async let running = keystore.get("block-key", timeout: .seconds(3600))
        await keystore.waitUntilBlocked(1)
        #expect(await keystore.get("key", timeout: short).failure?.kind == .timeout)
        #expect(keystore.calls(.get) == 1)
        keystore.openGate()
        #expect(await running.failure?.kind == .notFound)
        #expect(keystore.log.messages(.error) == [])
    }

    @Test("holds up no more calls than the queue takes")
    func queueLimit() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 1, queuedCalls: 1))
        async let running = keystore.get("block-1")
        await keystore.waitUntilBlocked(1)
        let (first, second) = await keystore.queueTwo()
        #expect(second.failure?.kind == .busy)
        #expect(second.failure?.message == "1 call waits for the keystore already")
        #expect(first.failure?.kind == .notFound)
        #expect(await running.failure?.kind == .notFound)
    }

    @Test("reports that it has no further effect, and what it came to, only when it has returned")
    func settled() async throws {
        let keystore = try ScriptedKeystore()
        let order = Recorder()
        await withCheckedContinuation { continuation in
            keystore.bridge.delete(
                "block-key", timeout: short,
                settled: {
                    order.add("settled: \(String(describing: $0.failure?.kind))")
                    continuation.resume()
                },
                completion: {
                    order.add("completed: \(String(describing: $0.failure?.kind))")
                    keystore.openGate()
                })
        }
        await withCheckedContinuation { continuation in
            keystore.bridge.delete(
                "key", timeout: .seconds(60), settled: { order.add("settled: \($0.isSuccess)") },
                completion: {
                    order.add("completed: \($0.isSuccess)")
                    continuation.resume()
                })
        }
        let timeout = String(describing: Optional(KeystoreFailure.Kind.timeout))
        let notFound = String(describing: Optional(KeystoreFailure.Kind.notFound))
        #expect(order.all == ["completed: \(timeout)", "settled: \(notFound)", "settled: false", "completed: false"])
    }

    @Test("of a serial plugin holds up all others")
    func serial() async throws {
        let keystore = try ScriptedKeystore(flags: 1)
        #expect(keystore.bridge.plugin.isSerial)
        let results = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                group.addTask { await keystore.create("key-\(index)", SecretBytes(text: "x")).isSuccess }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(results == 200)
        #expect(keystore.mostRunning() == 1)
        #expect(await keystore.get("block-key", timeout: short).failure?.kind == .timeout)
        #expect(await keystore.get("key").failure?.kind == .unreachable)
    }

    @Test("is what more threads are for: calls one after the other share a few")
    func threads() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 60))
        for _ in 0..<500 { _ = await keystore.get("key") }
        // One, and one more whenever a call came before the thread of the last one was back.
        #expect(keystore.threads() < 30)
    }

    @Test("does not keep several of a plugin that is not serial from running at once")
    func parallel() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 8))
        let results = await withTaskGroup(of: KeystoreFailure.Kind?.self) { group in
            for index in 0..<8 { group.addTask { await keystore.get("block-\(index)").failure?.kind } }
            await keystore.waitUntilBlocked(8)
            keystore.openGate()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == Array(repeating: .notFound, count: 8))
        #expect(keystore.mostRunning() == 8)
    }
}

extension ScriptedKeystore {
    /// Two calls that block and, when both do, one that has to wait for a thread.
    fileprivate func blockedThenQueued(timeout: Duration) async -> [Result<SecretBytes, KeystoreFailure>] {
        async let first = get("block-1", timeout: timeout)
        async let second = get("block-2", timeout: timeout)
        await waitUntilBlocked(2)
        async let third = get("key", timeout: .seconds(3600))
        return await [first, second, third]
    }

    /// Two calls, one after the other, while the only thread is held; then opens the gate.
    fileprivate func queueTwo() async -> (Result<SecretBytes, KeystoreFailure>, Result<SecretBytes, KeystoreFailure>) {
        let (firsts, first) = AsyncStream<Result<SecretBytes, KeystoreFailure>>.makeStream()
        let (seconds, second) = AsyncStream<Result<SecretBytes, KeystoreFailure>>.makeStream()
        bridge.get("block-2", timeout: .seconds(60)) { first.yield($0) }
        bridge.get("block-3", timeout: .seconds(60)) { second.yield($0) }
        openGate()
        var (firstResults, secondResults) = (firsts.makeAsyncIterator(), seconds.makeAsyncIterator())
        let missing = Result<SecretBytes, KeystoreFailure>.failure(KeystoreFailure(.internal, "no result"))
        return await (firstResults.next() ?? missing, secondResults.next() ?? missing)
    }
}
