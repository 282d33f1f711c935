import Host
import TestSupport
import Testing

/// Lists may take seconds in a large keystore, and clients may ask for many of them.
@Suite("Lists that wait for the keystore", .timeLimit(.minutes(1)))
struct BridgeListTests {
    @Test("take a quarter of the threads, and leave the others to what is about one key")
    func threads() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 8))
        let results = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { await keystore.list("block-").isSuccess } }
            await keystore.waitUntilBlocked(2)
            #expect(await keystore.get("key").failure?.kind == .notFound)
            #expect(keystore.calls(.list) == 2)
            keystore.openGate()
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(results == 20)
        #expect(keystore.calls(.list) == 20)
        #expect(keystore.mostRunning() == 3)
    }

    @Test("take turns with other calls where there is one thread")
    func turns() async throws {
        let keystore = try ScriptedKeystore(flags: 1)
        let order = Recorder()
        async let first = keystore.get("block-key")
        await keystore.waitUntilBlocked(1)
        let (ends, end) = AsyncStream<Void>.makeStream()
        for _ in 0..<3 {
            keystore.bridge.list(prefix: "", after: "", limit: 1, timeout: .seconds(60)) { _ in
                order.add("list")
                end.yield()
            }
        }
        for _ in 0..<4 {
            keystore.bridge.get("key", timeout: .seconds(60)) { _ in
                order.add("get")
                end.yield()
            }
        }
        keystore.openGate()
        var iterator = ends.makeAsyncIterator()
        for _ in 0..<7 { _ = await iterator.next() }
        #expect(await first.failure?.kind == .notFound)
        #expect(order.all == ["list", "get", "list", "get", "list", "get", "get"])
    }

    @Test("fill half of the queue at most")
    func queue() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 1, queuedCalls: 4))
        async let first = keystore.get("block-key")
        await keystore.waitUntilBlocked(1)
        let (results, result) = AsyncStream<KeystoreFailure?>.makeStream()
        for _ in 0..<2 {
            keystore.bridge.list(prefix: "", after: "", limit: 1, timeout: .seconds(60)) { result.yield($0.failure) }
        }
        let third = await keystore.list("").failure
        #expect(third?.kind == .busy)
        #expect(third?.message == "2 calls wait for the keystore already")
        for _ in 0..<2 { keystore.bridge.delete("key", timeout: .seconds(60)) { result.yield($0.failure) } }
        #expect(await keystore.get("key").failure?.message == "4 calls wait for the keystore already")
        keystore.openGate()
        var iterator = results.makeAsyncIterator()
        var failures: [KeystoreFailure.Kind] = []
        for _ in 0..<4 { if let failure = await iterator.next() ?? nil { failures.append(failure.kind) } }
        #expect(failures == [.notFound, .notFound])
        #expect(await first.failure?.kind == .notFound)
    }

    @Test("are answered before the keystore is closed, those that wait for their turn too")
    func closing() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 4))
        let (results, result) = AsyncStream<Bool>.makeStream()
        for _ in 0..<5 {
            keystore.bridge.list(prefix: "block-", after: "", limit: 1, timeout: .seconds(60)) { result.yield($0.isSuccess) }
        }
        await keystore.waitUntilBlocked(1)
        keystore.openGate()
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closed)
        var iterator = results.makeAsyncIterator()
        for _ in 0..<5 { #expect(await iterator.next() == true) }
    }
}
