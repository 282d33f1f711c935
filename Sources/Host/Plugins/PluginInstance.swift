import PluginAPI
import SecureBytes

/// An open keystore of a plugin, as Swift functions that block. Which thread calls them is the caller's to arrange.
///
/// Whatever a plugin returns becomes either a result that keeps the header's promises or a `KeystoreFailure`.
final class PluginInstance: KeystoreInstance, @unchecked Sendable {
    // `@unchecked Sendable` holds because the header lets the functions of an instance be called from several threads at once
    // unless the plugin is SERIAL, in which case `KeystoreBridge` gives its pool one thread only.
    private let table: keswick_keystore
    private let handle: OpaquePointer
    /// Released by `close`: the plugin may use the services, from threads of its own, until its `close` has returned. An instance
    /// that is never closed keeps them for ever.
    private let services: Unmanaged<HostServices>

    private init(table: keswick_keystore, handle: OpaquePointer, services: HostServices) {
        self.table = table
        self.handle = handle
        self.services = .passRetained(services)
    }

    static func open(
        _ plugin: KeystorePlugin, configuration: SecretBytes, services: HostServices, deadline: MonotonicTime
    ) -> Result<PluginInstance, KeystoreFailure> {
        guard let table = plugin.table else {
            return .failure(KeystoreFailure(.internal, "the library is not loaded in this process"))
        }
        var handle: OpaquePointer?
        let failure = call("open", deadline, services) { call in
            configuration.withUnsafeBytes { table.open(view($0), services.pointer, call, &handle) }
        }
        if let failure { return .failure(failure) }
        guard let handle else { return .failure(KeystoreFailure(.internal, "open returned OK but no instance")) }
        return .success(PluginInstance(table: table, handle: handle, services: services))
    }

    /// Must be called once, after all other calls have returned, and be the last one.
    func close() {
        table.close(handle)
        services.release()
    }

    /// Nothing: a thread in a plugin's function cannot be ended.
    func abandon() {}

    func create(_ name: String, _ value: SecretBytes, _ deadline: MonotonicTime) -> Result<Void, KeystoreFailure> {
        result(
            Self.call("create", deadline, heldServices, mayAnswer: .exists) { call in
                Self.withView(name) { name in
                    value.withUnsafeBytes { table.create(handle, call, name, Self.view($0)) }
                }
            })
    }

    func get(_ name: String, _ deadline: MonotonicTime) -> Result<SecretBytes, KeystoreFailure> {
        let receiver = ValueReceiver()
        let failure = Self.call("get", deadline, heldServices, mayAnswer: .notFound, receiver: receiver) { call in
            Self.withView(name) { name in receiver.withSink(of: heldServices) { table.get(handle, call, name, $0) } }
        }
        if let failure { return .failure(failure) }
        guard let value = receiver.value else { return .failure(KeystoreFailure(.internal, "get returned OK but gave no value")) }
        return .success(value)
    }

    func delete(_ name: String, _ deadline: MonotonicTime) -> Result<Void, KeystoreFailure> {
        result(
            Self.call("remove", deadline, heldServices, mayAnswer: .notFound) { call in
                Self.withView(name) { table.remove(handle, call, $0) }
            })
    }

    func list(
        prefix: String, after: String, limit: Int, _ deadline: MonotonicTime
    ) -> Result<[String], KeystoreFailure> {
        let receiver = NamesReceiver(prefix: prefix, after: after, limit: limit)
        let failure = Self.call("list", deadline, heldServices, receiver: receiver) { call in
            Self.withView(prefix) { prefix in
                Self.withView(after) { after in
                    receiver.withSink(of: heldServices) { table.list(handle, call, prefix, after, limit, $0) }
                }
            }
        }
        return failure.map { .failure($0) } ?? .success(receiver.names)
    }

    /// Returns how long the plugin took to answer. One that has no such function is asked for a name instead.
    func status(_ deadline: MonotonicTime) -> Result<Duration, KeystoreFailure> {
        let start = MonotonicTime.now
        guard table.status != nil else {
            return list(prefix: "", after: "", limit: 1, deadline).map { _ in .now - start }
        }
        let failure = Self.call("status", deadline, heldServices) { table.status(handle, $0) }
        return failure.map { .failure($0) } ?? .success(.now - start)
    }

    // MARK: The border

    private var heldServices: HostServices { services.takeUnretainedValue() }

    private func result(_ failure: KeystoreFailure?) -> Result<Void, KeystoreFailure> {
        failure.map { .failure($0) } ?? .success(())
    }

    /// Makes one call and judges what it returned.
    ///
    /// - Parameter mayAnswer: the answer besides OK that is no failure of the keystore, where the function has one.
    private static func call(
        _ function: String, _ deadline: MonotonicTime, _ services: HostServices, mayAnswer: KeystoreFailure.Kind? = nil,
        receiver: SinkReceiver? = nil, _ body: (UnsafePointer<keswick_call>) -> keswick_result
    ) -> KeystoreFailure? {
        let message = MessageReceiver()
        let code = message.withSink(of: services) { sink in
            var call = keswick_call(size: MemoryLayout<keswick_call>.size, deadline: deadline.nanoseconds, error: sink)
            return body(&call)
        }
        if let problem = receiver?.problem { return KeystoreFailure(.internal, "the plugin breaks its contract: \(problem)") }
        if code == KESWICK_OK { return nil }
        guard let kind = KeystoreFailure.Kind(code) else {
            return KeystoreFailure(
                .internal, "\(function) returned \(code), which is not a result of the interface. \(message.message)")
        }
        if kind == .exists || kind == .notFound, kind != mayAnswer {
            return KeystoreFailure(.internal, "\(function) returned \(kind), which is not one of its results. \(message.message)")
        }
        return KeystoreFailure(kind, message.message)
    }

    private static func view(_ bytes: UnsafeRawBufferPointer) -> keswick_bytes {
        keswick_bytes(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: bytes.count)
    }

    private static func withView<Result>(_ text: String, _ body: (keswick_bytes) -> Result) -> Result {
        var text = text
        return text.withUTF8 { body(keswick_bytes(data: $0.baseAddress, size: $0.count)) }
    }
}

extension KeystoreFailure.Kind {
    /// The kind that a result of the interface stands for; nil for OK and for numbers that are none.
    fileprivate init?(_ code: keswick_result) {
        switch code {
        case KESWICK_EXISTS: self = .exists
        case KESWICK_NOT_FOUND: self = .notFound
        case KESWICK_INVALID: self = .invalid
        case KESWICK_UNREACHABLE: self = .unreachable
        case KESWICK_TIMEOUT: self = .timeout
        case KESWICK_DENIED: self = .denied
        case KESWICK_CORRUPT: self = .corrupt
        case KESWICK_INTERNAL: self = .internal
        default: return nil
        }
    }
}
