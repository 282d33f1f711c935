import Envelope
import Host
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SecureBytes

/// A keyring over the scripted keystore, with a clock that stands still until a test moves it.
final class KeyringFixture: Sendable {
    let keystore: ScriptedKeystore
    let keyring: Keyring
    let clock = TestClock()

    init(expiry: CacheExpiry = CacheExpiry(), limits: KeystoreBridge.Limits = .init(), realClock: Bool = false) throws {
        keystore = try ScriptedKeystore(limits: limits)
        let testClock = clock
        let time: @Sendable () -> MonotonicTime
        if realClock { time = { .sinceBoot } } else { time = { testClock.now } }
        keyring = Keyring(keystore: keystore.bridge, expiry: expiry, logger: keystore.log.logger, clock: time)
    }

    /// Some event loop; not always the same one.
    var loop: any EventLoop { MultiThreadedEventLoopGroup.singleton.next() }

    /// Asks for a key and returns at once.
    func ask(_ name: String, timeout: Duration = .seconds(60)) -> EventLoopFuture<Key> {
        keyring.key(name, timeout: timeout, on: loop)
    }

    func key(_ name: String, timeout: Duration = .seconds(60)) async -> Result<Key, KeyringError> {
        await result(ask(name, timeout: timeout))
    }

    func key(_ name: String, insteadOf failed: Key) async -> Result<Key, KeyringError> {
        await result(keyring.key(name, insteadOf: failed, timeout: .seconds(60), on: loop))
    }

    func create(_ name: String, _ key: Key, timeout: Duration = .seconds(60)) async -> Result<Void, KeyringError> {
        await result(keyring.create(name, key: key, timeout: timeout, on: loop))
    }

    /// Creates some key.
    @discardableResult
    func create(_ name: String) async throws -> Result<Void, KeyringError> {
        await create(name, try Key.any())
    }

    @discardableResult
    func delete(_ name: String, timeout: Duration = .seconds(60)) async -> Result<Void, KeyringError> {
        await result(keyring.delete(name, timeout: timeout, on: loop))
    }

    /// What a future gives. It fails with nothing but a `KeyringError`, or the test traps.
    func result<Value: Sendable>(_ future: EventLoopFuture<Value>) async -> Result<Value, KeyringError> {
        do { return .success(try await future.get()) } catch {
            guard let error = error as? KeyringError else { preconditionFailure("not a KeyringError: \(error)") }
            return .failure(error)
        }
    }
}

extension Result where Failure == KeyringError {
    var error: KeyringError? {
        if case .failure(let error) = self { return error }
        return nil
    }
}

extension Key {
    static func any() throws -> Key {
        try Key(generating: .aes256, createdAt: Timestamp(seconds: 1_700_000_000, nanoseconds: 0), createdBy: "")
    }

    func isSame(as other: Key) -> Bool { StoredEntry.encode(self) == StoredEntry.encode(other) }
}

final class TestClock: Sendable {
    private let time = NIOLockedValueBox(MonotonicTime(nanoseconds: 1_000_000_000_000))

    var now: MonotonicTime { time.withLockedValue { $0 } }

    func advance(by duration: Duration) {
        time.withLockedValue { $0 = $0 + duration }
    }
}
