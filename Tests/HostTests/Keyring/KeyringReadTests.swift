import Envelope
import Host
import PluginAPI
import SecureBytes
import Testing

@Suite("Reading keys through the keyring", .timeLimit(.minutes(1)))
struct KeyringReadTests {
    private let short = Duration.milliseconds(20)

    @Test("a key is read from the keystore once, and then it is in the cache")
    func cached() async throws {
        let fixture = try KeyringFixture()
        let stored = try Key.any()
        _ = await fixture.keystore.create("key", StoredEntry.encode(stored))
        #expect(fixture.keyring.cached("key") == nil)
        let read = try await fixture.key("key").get()
        #expect(read.isSame(as: stored))
        #expect(fixture.keyring.cached("key") === read)
        #expect(try await fixture.key("key").get() === read)
        #expect(fixture.keystore.calls(.get) == 1)
        #expect(fixture.keyring.statistics == KeyringStatistics(keys: 1, hits: 1, misses: 1))
    }

    @Test("all who ask for a key at the same time share one call of the keystore")
    func singleFlight() async throws {
        let fixture = try KeyringFixture()
        fixture.keystore.openGate()
        _ = await fixture.keystore.create("block-key", StoredEntry.encode(try Key.any()))
        fixture.keystore.closeGate()
        let futures = (0..<100).map { _ in fixture.ask("block-key") }
        await fixture.keystore.waitUntilBlocked(1)
        fixture.keystore.openGate()
        let first = try await futures[0].get()
        for future in futures { #expect(try await future.get() === first) }
        #expect(fixture.keystore.calls(.get) == 1)
    }

    @Test("a failure reaches all who waited, is logged once and not kept")
    func failureNotCached() async throws {
        let fixture = try KeyringFixture()
        fixture.keystore.force(KESWICK_DENIED)
        #expect(await fixture.key("key").error == .failed(.read, KeystoreFailure(.denied, "forced by the test")))
        #expect(fixture.keystore.log.messages(.error) == ["failed to read key 'key': denied: forced by the test"])
        fixture.keystore.force(KESWICK_OK)
        #expect(await fixture.key("key").error == .keyNotFound)
        let key = try Key.any()
        _ = await fixture.keystore.create("key", StoredEntry.encode(key))
        #expect(try await fixture.key("key").get().isSame(as: key))
        // What a client did wrong is not logged as an error.
        #expect(fixture.keystore.log.messages(.error).count == 1)
    }

    @Test("an entry that is no key is an error that names the key and not its bytes")
    func corruptEntry() async throws {
        let fixture = try KeyringFixture()
        _ = await fixture.keystore.create("key", SecretBytes(text: "not-a-stored-entry"))
        guard case .failed(.read, let failure)? = await fixture.key("key").error else {
            Issue.record("a corrupt entry was read")
            return
        }
        #expect(failure.kind == .corrupt)
        let message = try #require(fixture.keystore.log.messages(.error).first)
        #expect(message.hasPrefix("failed to read key 'key': corrupt: "))
        #expect(!message.contains("not-a-stored"))
    }

    @Test("for one for whom the cached key is the wrong one the keystore is read, together with others and once a second")
    func cachedKeyIsWrong() async throws {
        let fixture = try KeyringFixture()
        let (old, new) = (try Key.any(), try Key.any())
        #expect(await fixture.create("slow-key", old).error == nil)
        _ = await fixture.keystore.delete("slow-key")
        _ = await fixture.keystore.create("slow-key", StoredEntry.encode(new))
        fixture.clock.advance(by: .seconds(1) - .nanoseconds(1))
        #expect(try await fixture.key("slow-key", insteadOf: old).get() === old)
        #expect(fixture.keystore.calls(.get) == 0)
        fixture.clock.advance(by: .nanoseconds(1))
        let loop = fixture.loop
        let futures = (0..<10).map { _ in
            fixture.keyring.key("slow-key", insteadOf: old, timeout: .seconds(60), on: loop)
        }
        await fixture.keystore.waitUntilBlocked(1)
        #expect(fixture.keyring.cached("slow-key") === old, "the others do not wait meanwhile")
        fixture.keystore.openGate()
        let found = try await futures[0].get()
        #expect(found.isSame(as: new))
        for future in futures { #expect(try await future.get() === found) }
        #expect(fixture.keyring.cached("slow-key") === found)
        #expect(try await fixture.key("slow-key", insteadOf: old).get() === found, "one who comes late")
        #expect(fixture.keystore.calls(.get) == 1)
    }

    @Test("what fails on that way changes nothing, and is not tried again within the second")
    func cachedKeyIsWrongAndNotReplaced() async throws {
        let fixture = try KeyringFixture()
        let key = try Key.any()
        #expect(await fixture.create("key", key).error == nil)
        fixture.clock.advance(by: .seconds(1))
        fixture.keystore.force(KESWICK_INTERNAL)
        let failure = KeystoreFailure(.internal, "forced by the test")
        #expect(await fixture.key("key", insteadOf: key).error == .failed(.read, failure))
        #expect(try await fixture.key("key", insteadOf: key).get() === key)
        #expect(fixture.keyring.cached("key") === key)
        fixture.clock.advance(by: .seconds(1))
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(try await fixture.key("key", insteadOf: key).get() === key)
        // It is known to be out of reach now.
        fixture.clock.advance(by: .seconds(1))
        #expect(try await fixture.key("key", insteadOf: key).get() === key)
        #expect(fixture.keystore.calls(.get) == 2)
        #expect(fixture.keyring.cached("key") === key)
    }

    @Test("one who joins a read has a time limit of its own, shorter")
    func impatientJoiner() async throws {
        let fixture = try KeyringFixture()
        fixture.keystore.openGate()
        try await fixture.create("other")
        _ = await fixture.keystore.create("block-key", StoredEntry.encode(try Key.any()))
        fixture.keystore.closeGate()
        let patient = fixture.ask("block-key")
        await fixture.keystore.waitUntilBlocked(1)
        #expect(await fixture.key("block-key", timeout: short).error == .unreachable)
        fixture.keystore.openGate()
        _ = try await patient.get()
        #expect(fixture.keystore.calls(.get) == 1)
    }

    @Test("or longer: then another read begins when the first one has run out of time")
    func patientJoiner() async throws {
        let fixture = try KeyringFixture(realClock: true)
        fixture.keystore.openGate()
        _ = await fixture.keystore.create("block-key", StoredEntry.encode(try Key.any()))
        fixture.keystore.closeGate()
        let impatient = fixture.ask("block-key", timeout: short)
        let patient = fixture.ask("block-key", timeout: .seconds(3600))
        #expect(await fixture.result(impatient).error == .unreachable)
        await fixture.keystore.waitUntilBlocked(2)
        fixture.keystore.openGate()
        let key = try await patient.get()
        #expect(fixture.keystore.calls(.get) == 2)
        #expect(fixture.keyring.cached("block-key") === key)
    }

    @Test("also when the plugin says TIMEOUT at the deadline that it was told, which is a little earlier")
    func patientJoinerOfOneOnTime() async throws {
        let fixture = try KeyringFixture(realClock: true)
        _ = await fixture.keystore.create("punctual-key", StoredEntry.encode(try Key.any()))
        let impatient = fixture.ask("punctual-key", timeout: .seconds(1))
        let patient = fixture.ask("punctual-key", timeout: .seconds(3600))
        #expect(await fixture.result(impatient).error == .unreachable)
        _ = try await patient.get()
        #expect(fixture.keystore.calls(.get) == 2)
        // With a machine that wakes the plugin too late it says so in vain, which is `patientJoiner`'s case.
        let log = fixture.keystore.log.messages(.error)
        #expect(log.count == 1 && log.allSatisfy { $0.hasPrefix("failed to read key 'punctual-key': ") }, "\(log)")
    }

    @Test("a plugin that says TIMEOUT at once is not asked again at once")
    func earlyTimeout() async throws {
        let fixture = try KeyringFixture(realClock: true)
        let futures = (0..<10).map { _ in fixture.ask("code-\(KESWICK_TIMEOUT)") }
        for future in futures { #expect(await fixture.result(future).error == .unreachable) }
        #expect(fixture.keystore.calls(.get) <= 10)
    }

    @Test("those who ask for the state at the same time share one call")
    func sharedStatus() async throws {
        let fixture = try KeyringFixture(limits: .init(threads: 1))
        let key = fixture.ask("block-none")
        await fixture.keystore.waitUntilBlocked(1)
        let states = (0..<100).map { _ in fixture.keyring.status(timeout: .seconds(60), on: fixture.loop) }
        fixture.keystore.openGate()
        #expect(await fixture.result(key).error == .keyNotFound)
        for state in states { #expect(try await state.get() >= .zero) }
        #expect(fixture.keystore.calls(.status) == 1)
        #expect(try await fixture.keyring.status(timeout: .seconds(60), on: fixture.loop).get() >= .zero)
        #expect(fixture.keystore.calls(.status) == 2)
    }

    @Test("what there is no room for is refused, and says nothing about the keystore")
    func busy() async throws {
        var expiry = CacheExpiry()
        expiry.offline = .seconds(60)
        let fixture = try KeyringFixture(expiry: expiry, limits: .init(threads: 1, queuedCalls: 1))
        let key = fixture.ask("block-none")
        await fixture.keystore.waitUntilBlocked(1)
        let queued = fixture.ask("other")
        for number in 0..<100 { #expect(await fixture.key("more-\(number)").error == .unreachable) }
        fixture.keystore.openGate()
        #expect(await fixture.result(key).error == .keyNotFound)
        #expect(await fixture.result(queued).error == .keyNotFound)
        #expect(fixture.keystore.log.messages(.error) == ["requests are refused: 1 call waits for the keystore already"])
        #expect(fixture.keystore.log.messages(.warning) == [])
    }

    @Test("list and status pass through, and their failures have names of their own")
    func listAndStatus() async throws {
        let fixture = try KeyringFixture()
        for name in ["b", "a-2", "a-1"] { try await fixture.create(name) }
        let keyring = fixture.keyring
        let loop = fixture.loop
        #expect(try await keyring.list(prefix: "a", limit: 10, timeout: .seconds(60), on: loop).get() == ["a-1", "a-2"])
        #expect(try await keyring.list(prefix: "", after: "a-1", limit: 1, timeout: .seconds(60), on: loop).get() == ["a-2"])
        #expect(try await keyring.status(timeout: .seconds(60), on: loop).get() >= .zero)
        fixture.keystore.force(KESWICK_CORRUPT)
        let failure = KeystoreFailure(.corrupt, "forced by the test")
        #expect(
            await fixture.result(keyring.list(prefix: "a", limit: 10, timeout: .seconds(60), on: loop)).error
                == .failed(.list, failure))
        #expect(await fixture.result(keyring.status(timeout: .seconds(60), on: loop)).error == .failed(.status, failure))
        #expect(
            fixture.keystore.log.messages(.error) == [
                "failed to list keys 'a': corrupt: forced by the test",
                "failed to check the keystore: corrupt: forced by the test",
            ])
    }
}
