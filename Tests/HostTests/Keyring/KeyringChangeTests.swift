import Envelope
import Host
import NIOCore
import NIOPosix
import PluginAPI
import SecureBytes
import Testing

@Suite("Changing keys through the keyring", .timeLimit(.minutes(1)))
struct KeyringChangeTests {
    @Test("a new key is in the keystore and in the cache, and cannot be made again")
    func create() async throws {
        let fixture = try KeyringFixture()
        let key = try Key.any()
        #expect(await fixture.create("key", key).error == nil)
        #expect(fixture.keyring.cached("key") === key)
        #expect(try await fixture.keystore.get("key").get() == StoredEntry.encode(key))
        #expect(try await fixture.create("key").error == .keyExists)
        #expect(try await fixture.key("key").get().isSame(as: key))
    }

    @Test("a key that another server has deleted and made again is not used once the keystore has said that there is one")
    func madeAgainElsewhere() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .zero, unused: .zero, offline: .seconds(3600)))
        try await fixture.create("key")
        let key = try Key.any()
        _ = await fixture.keystore.delete("key")
        _ = await fixture.keystore.create("key", StoredEntry.encode(key))
        // As a client begins: create, whether it is there or not, and then use.
        #expect(try await fixture.create("key").error == .keyExists)
        #expect(fixture.keyring.cached("key") == nil)
        #expect(try await fixture.key("key").get().isSame(as: key))
        #expect(fixture.keyring.cached("key")?.isSame(as: key) == true)
    }

    @Test("a read that began before the keystore said that there is a key does not bring the one before it back")
    func readOverlapsRefusedCreate() async throws {
        let fixture = try KeyringFixture()
        let (old, new) = (try Key.any(), try Key.any())
        _ = await fixture.keystore.create("slow-key", StoredEntry.encode(old))
        // The plugin has read the key and waits at the gate.
        let early = fixture.ask("slow-key")
        await fixture.keystore.waitUntilBlocked(1)
        _ = await fixture.keystore.delete("slow-key")
        _ = await fixture.keystore.create("slow-key", StoredEntry.encode(new))
        #expect(try await fixture.create("slow-key").error == .keyExists)
        fixture.keystore.openGate()
        #expect(try await early.get().isSame(as: old))
        #expect(fixture.keyring.cached("slow-key") == nil)
        #expect(try await fixture.key("slow-key").get().isSame(as: new))
    }

    @Test("a create that the keystore did not answer leaves the cached key as it is: offline mode needs it")
    func createWhileOutOfReach() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .seconds(1), unused: .zero, offline: .seconds(3600)))
        let key = try Key.any()
        #expect(await fixture.create("key", key).error == nil)
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(try await fixture.create("key").error == .unreachable)
        fixture.clock.advance(by: .seconds(60))
        #expect(fixture.keyring.cached("key") === key)
    }

    @Test("a create without an answer leaves the cached key in doubt: it is used only while the keystore is out of reach")
    func createWithoutAnswer() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .zero, unused: .zero, offline: .zero))
        let (old, new) = (try Key.any(), try Key.any())
        #expect(await fixture.create("key", old).error == nil)
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(try await fixture.create("key").error == .unreachable)
        #expect(fixture.keyring.cached("key") === old)
        fixture.keystore.force(KESWICK_OK)
        // Another server has deleted it, and what this one created was stored.
        _ = await fixture.keystore.delete("key")
        _ = await fixture.keystore.create("key", StoredEntry.encode(new))
        _ = try await fixture.keyring.status(timeout: .seconds(60), on: fixture.loop).get()
        #expect(fixture.keyring.cached("key") == nil)
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(try await fixture.key("key").get() === old)
        fixture.keystore.force(KESWICK_OK)
        _ = try await fixture.keyring.status(timeout: .seconds(60), on: fixture.loop).get()
        #expect(try await fixture.key("key").get().isSame(as: new))
        #expect(fixture.keyring.cached("key")?.isSame(as: new) == true)
    }

    @Test("one that no thread was free for leaves no doubt")
    func createWhileBusy() async throws {
        let fixture = try KeyringFixture(limits: .init(threads: 1, queuedCalls: 1))
        try await fixture.create("key")
        let running = fixture.ask("block-none")
        await fixture.keystore.waitUntilBlocked(1)
        let queued = fixture.ask("other")
        #expect(try await fixture.create("key").error == .unreachable)
        #expect(fixture.keyring.cached("key") != nil)
        fixture.keystore.openGate()
        for read in [running, queued] { #expect(await fixture.result(read).error == .keyNotFound) }
    }

    @Test("a deleted key is in neither")
    func delete() async throws {
        let fixture = try KeyringFixture()
        try await fixture.create("key")
        #expect(await fixture.delete("key").error == nil)
        #expect(fixture.keyring.cached("key") == nil)
        #expect(await fixture.key("key").error == .keyNotFound)
        #expect(await fixture.delete("key").error == .keyNotFound)
    }

    @Test("failures are told apart by what was asked, and logged with their cause")
    func failures() async throws {
        let fixture = try KeyringFixture()
        fixture.keystore.force(KESWICK_INTERNAL)
        let failure = KeystoreFailure(.internal, "forced by the test")
        #expect(try await fixture.create("key").error == .failed(.create, failure))
        #expect(await fixture.delete("key").error == .failed(.delete, failure))
        #expect(
            fixture.keystore.log.messages(.error) == [
                "failed to create key 'key': internal: forced by the test",
                "failed to delete key 'key': internal: forced by the test",
            ])
        fixture.keystore.force(KESWICK_TIMEOUT)
        #expect(try await fixture.create("key").error == .unreachable)
        fixture.keystore.force(KESWICK_UNREACHABLE)
        #expect(await fixture.delete("key").error == .unreachable)
    }

    @Test("a read that began before a delete neither fills the cache after it nor answers who asks after it")
    func readOverlapsDelete() async throws {
        let fixture = try KeyringFixture()
        let key = try Key.any()
        _ = await fixture.keystore.create("slow-key", StoredEntry.encode(key))
        // The plugin has read the key and waits at the gate.
        let early = fixture.ask("slow-key")
        await fixture.keystore.waitUntilBlocked(1)
        #expect(await fixture.delete("slow-key").error == nil)
        let late = fixture.ask("slow-key")
        await fixture.keystore.waitUntilBlocked(2)
        fixture.keystore.openGate()
        #expect(try await early.get().isSame(as: key))
        #expect(await fixture.result(late).error == .keyNotFound)
        #expect(fixture.keyring.cached("slow-key") == nil)
        #expect(fixture.keystore.calls(.get) == 2)
    }

    @Test("a read that found nothing before a create does not hide the new key")
    func readOverlapsCreate() async throws {
        let fixture = try KeyringFixture()
        let early = fixture.ask("slow-key")
        await fixture.keystore.waitUntilBlocked(1)
        let key = try Key.any()
        #expect(await fixture.create("slow-key", key).error == nil)
        #expect(fixture.keyring.cached("slow-key") === key)
        #expect(try await fixture.key("slow-key").get() === key)
        fixture.keystore.openGate()
        #expect(await fixture.result(early).error == .keyNotFound)
        #expect(fixture.keyring.cached("slow-key") === key)
    }

    @Test("while a delete that ran out of time may still happen, the key is not cached")
    func lateDelete() async throws {
        let fixture = try KeyringFixture()
        fixture.keystore.openGate()
        try await fixture.create("hold-key")
        fixture.keystore.closeGate()
        #expect(await fixture.delete("hold-key", timeout: .milliseconds(20)).error == .unreachable)
        #expect(await fixture.key("hold-key").error == nil, "it is still there")
        #expect(fixture.keyring.cached("hold-key") == nil)
        fixture.keystore.openGate()
        await fixture.keystore.log.wait(for: 1, .warning)
        #expect(await fixture.key("hold-key").error == .keyNotFound)
        // When nothing is under way any more, the cache works again.
        try await fixture.create("hold-key")
        #expect(fixture.keyring.cached("hold-key") != nil)
    }

    @Test("a create that ran out of time and was stored after all is not hidden by a read that found nothing")
    func lateCreate() async throws {
        let fixture = try KeyringFixture()
        let key = try Key.any()
        #expect(await fixture.create("hold-key", key, timeout: .milliseconds(20)).error == .unreachable)
        #expect(await fixture.key("hold-key").error == .keyNotFound)
        fixture.keystore.openGate()
        await fixture.keystore.log.wait(for: 1, .warning)
        #expect(try await fixture.key("hold-key").get().isSame(as: key))
    }

    @Test("of many creates of one name at once, one wins, and it is the key that everybody gets")
    func manyCreates() async throws {
        let fixture = try KeyringFixture()
        let keys = try (0..<32).map { _ in try Key.any() }
        let winners = await withTaskGroup(of: Int?.self) { group in
            for (index, key) in keys.enumerated() {
                group.addTask { await fixture.create("key", key).error == nil ? index : nil }
            }
            return await group.compactMap { $0 }.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(winners.count == 1)
        let winner = keys[try #require(winners.first)]
        #expect(try await fixture.key("key").get().isSame(as: winner))
        #expect(fixture.keyring.cached("key")?.isSame(as: winner) == true)
    }

    @Test("whoever changes a key sees the change, whatever others read, and the sweeper sweeps, at the same time")
    func stress() async throws {
        let fixture = try KeyringFixture(expiry: CacheExpiry(any: .seconds(2), unused: .seconds(1)))
        let isDone = Flag()
        let wrong = Recorder()
        await withTaskGroup(of: Void.self) { group in
            for reader in 0..<4 {
                group.addTask {
                    var round = reader
                    while !isDone.isSet {
                        let name = "key-\(round % 4)"
                        round += 1
                        if fixture.keyring.cached(name) == nil { _ = await fixture.key(name) }
                        if round % 50 == 0 {
                            fixture.clock.advance(by: .milliseconds(300))
                            fixture.keyring.removeExpired()
                        }
                    }
                }
            }
            group.addTask {
                await withTaskGroup(of: Void.self) { writers in
                    for writer in 0..<4 {
                        writers.addTask { await Self.change("key-\(writer)", 300, fixture, wrong) }
                    }
                }
                isDone.set()
            }
        }
        #expect(wrong.all == [])
        #expect(fixture.keystore.log.messages(.error) == [])
    }

    /// Makes and deletes a key again and again, and looks after each step whether the keyring shows it.
    private static func change(_ name: String, _ rounds: Int, _ fixture: KeyringFixture, _ wrong: Recorder) async {
        for _ in 0..<rounds {
            guard let key = try? Key.any() else { return wrong.add("no key") }
            if await fixture.create(name, key).error != nil { wrong.add("\(name) was not created") }
            if (try? await fixture.key(name).get().isSame(as: key)) != true { wrong.add("\(name) is not the new key") }
            if let cached = fixture.keyring.cached(name), !cached.isSame(as: key) { wrong.add("\(name) is cached stale") }
            if await fixture.delete(name).error != nil { wrong.add("\(name) was not deleted") }
            if fixture.keyring.cached(name) != nil { wrong.add("\(name) is cached though deleted") }
            if await fixture.key(name).error != .keyNotFound { wrong.add("\(name) is read though deleted") }
        }
    }
}
