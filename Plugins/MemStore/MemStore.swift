import PluginKit

/// The library's entry point.
#if compiler(>=6.3)
@c(keswick_keystore_plugin)
#else
@_cdecl("keswick_keystore_plugin")
#endif
public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(MemStore.self) }

/// Keeps values in the memory of the server's process, until it ends. For tests and trials.
final class MemStore: Keystore {
    static let name: StaticString = "mem"
    static let version: StaticString = "1.0.0"

    private struct State: Sendable {
        var values: [KeyName: SecretValue] = [:]
        var index = NameIndex()
    }

    private let state = Lock(State())

    init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError) {
        log.warning("the keystore `mem` keeps keys in memory: they are lost when the server stops")
    }

    func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError) {
        let value = SecretValue(copying: value)
        let isNew = state.withLock { state in
            guard state.values[name] == nil else { return false }
            state.values[name] = value
            state.index.insert(name)
            return true
        }
        guard isNew else { throw .exists }
    }

    func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue {
        guard let value = state.withLock({ $0.values[name] }) else { throw .notFound }
        return value
    }

    func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError) {
        let removed = state.withLock { state in
            let removed = state.values.removeValue(forKey: name)
            if removed != nil { state.index.noteRemoval(remaining: state.values.keys) }
            return removed
        }
        // The value is wiped here, outside the lock, when nobody else is reading it.
        guard removed != nil else { throw .notFound }
    }

    func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName] {
        state.withLock { state in
            let values = state.values
            return state.index.page(prefix: prefix, after: after, limit: limit) { values[$0] != nil }
        }
    }

    func status(deadline: Deadline) throws(KeystoreError) {}
}
