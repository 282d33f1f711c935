import Envelope
import Host
import PluginAPI
import Testing

@Suite("How long the keyring keeps keys", .timeLimit(.minutes(1)))
struct KeyringExpiryTests {
    private let nanosecond = Duration.nanoseconds(1)

    @Test("no longer than `any` after they were read, however much they are used")
    func any() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .seconds(300), unused: .seconds(30)))
        try await fixture.create("key")
        for _ in 0..<14 {
            fixture.clock.advance(by: .seconds(20))
            #expect(fixture.keyring.cached("key") != nil)
        }
        fixture.clock.advance(by: .seconds(20) - nanosecond)
        #expect(fixture.keyring.cached("key") != nil)
        fixture.clock.advance(by: nanosecond)
        #expect(fixture.keyring.cached("key") == nil)
        #expect(await fixture.key("key").error == nil)
        #expect(fixture.keystore.calls(.get) == 1)
        #expect(fixture.keyring.cached("key") != nil)
    }

    @Test("no longer than `unused` after the last use")
    func unused() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .zero, unused: .seconds(30)))
        try await fixture.create("key")
        fixture.clock.advance(by: .seconds(30) - nanosecond)
        #expect(fixture.keyring.cached("key") != nil)
        fixture.clock.advance(by: .seconds(30) - nanosecond)
        #expect(fixture.keyring.cached("key") != nil)
        fixture.clock.advance(by: .seconds(30))
        #expect(fixture.keyring.cached("key") == nil)
    }

    @Test("for ever when both limits are zero")
    func unlimited() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .zero, unused: .zero))
        try await fixture.create("key")
        fixture.clock.advance(by: .seconds(1_000_000_000))
        #expect(fixture.keyring.removeExpired() == 0)
        #expect(fixture.keyring.cached("key") != nil)
    }

    @Test("new limits hold for keys that are in the cache already")
    func newLimits() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .zero, unused: .zero))
        try await fixture.create("key")
        fixture.clock.advance(by: .seconds(60))
        #expect(fixture.keyring.cached("key") != nil)
        fixture.keyring.apply(CacheExpiry(any: .seconds(60), unused: .zero, offline: .seconds(61)))
        #expect(fixture.keyring.cached("key") == nil)
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(await fixture.key("key").error == nil)
    }

    @Test("the sweeper frees what has expired although nobody asks, and nothing else")
    func sweeper() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .zero, unused: .seconds(30)))
        weak var expired: Key?
        for index in 0..<200 { try await fixture.create("key-\(index)") }
        expired = fixture.keyring.cached("key-100")
        #expect(expired != nil)
        fixture.clock.advance(by: .seconds(20))
        for index in 0..<50 { #expect(fixture.keyring.cached("key-\(index)") != nil) }
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.keyring.removeExpired(now: fixture.clock.now) == 150)
        #expect(fixture.keyring.statistics.keys == 50)
        #expect(expired == nil, "the key itself is gone from memory")
        #expect(fixture.keyring.removeExpired() == 0)
        #expect(fixture.keyring.cached("key-49") != nil)
    }
}

@Suite("While the keystore is out of reach", .timeLimit(.minutes(1)))
struct KeyringOfflineTests {
    private let expiry = CacheExpiry(any: .seconds(10), unused: .seconds(5), offline: .seconds(3600))

    @Test("keys stay usable for `offline` after they were read, and no longer")
    func offline() async throws {
        let fixture = try KeyringFixture(expiry: expiry)
        try await fixture.create("key")
        fixture.keystore.force(KESWICK_UNREACHABLE)
        fixture.clock.advance(by: .seconds(60))
        fixture.keyring.removeExpired()
        // Nobody knows yet that the keystore is gone: the key counts as expired, and the read that fails finds it out.
        #expect(fixture.keyring.cached("key") == nil)
        #expect(await fixture.key("key").error == nil)
        #expect(fixture.keyring.cached("key") != nil)
        #expect(fixture.keystore.calls(.get) == 1)
        fixture.clock.advance(by: .seconds(3540) - .nanoseconds(1))
        #expect(await fixture.key("key").error == nil)
        #expect(fixture.keystore.calls(.get) == 1, "no call of the keystore for a key that may be used")
        fixture.clock.advance(by: .nanoseconds(1))
        #expect(fixture.keyring.cached("key") == nil)
        #expect(await fixture.key("key").error == .unreachable)
        #expect(fixture.keyring.removeExpired() == 1)
    }

    @Test("a probe finds it out, and finds out that the keystore is back")
    func probe() async throws {
        let fixture = try KeyringFixture(expiry: expiry)
        try await fixture.create("key")
        fixture.clock.advance(by: .seconds(60))
        fixture.keystore.force(KESWICK_UNREACHABLE)
        fixture.keyring.probe()
        await fixture.keystore.log.wait(for: 1, .warning)
        #expect(fixture.keyring.cached("key") != nil)
        fixture.keystore.force(KESWICK_OK)
        fixture.keyring.probe()
        await fixture.keystore.log.wait(for: 1, .notice)
        #expect(fixture.keyring.cached("key") == nil)
        #expect(await fixture.key("key").error == nil)
        #expect(fixture.keystore.calls(.get) == 1)
    }

    @Test("a key that somebody else deleted meanwhile is not used")
    func deletedElsewhere() async throws {
        let fixture = try KeyringFixture(expiry: expiry)
        try await fixture.create("key")
        _ = await fixture.keystore.delete("key")
        fixture.clock.advance(by: .seconds(60))
        #expect(await fixture.key("key").error == .keyNotFound)
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(await fixture.key("key").error == .unreachable)
    }

    @Test("a keystore that answers with a refusal is not out of reach")
    func denied() async throws {
        let fixture = try KeyringFixture(expiry: expiry)
        try await fixture.create("key")
        fixture.clock.advance(by: .seconds(60))
        fixture.keystore.force(KESWICK_DENIED)
        #expect(await fixture.key("key").error == .failed(.read, KeystoreFailure(.denied, "forced by the test")))
        #expect(fixture.keyring.cached("key") == nil)
    }

    @Test("a key that was asked to be deleted is not used, whatever the keystore said")
    func deletedOffline() async throws {
        let fixture = try KeyringFixture(expiry: expiry)
        try await fixture.create("key")
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(await fixture.delete("key").error == .unreachable)
        #expect(fixture.keyring.cached("key") == nil)
        #expect(await fixture.key("key").error == .unreachable)
    }

    @Test("without offline mode expired keys are not used, and no probe is sent")
    func disabled() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .seconds(10), unused: .seconds(5), offline: .zero))
        try await fixture.create("key")
        fixture.keystore.force(KESWICK_UNREACHABLE)
        fixture.clock.advance(by: .seconds(60))
        #expect(await fixture.key("key").error == .unreachable)
        #expect(fixture.keyring.cached("key") == nil)
        fixture.keyring.probe()
        #expect(fixture.keystore.calls(.status) == 0)
    }
}
