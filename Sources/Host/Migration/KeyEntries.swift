import Envelope
import NIOConcurrencyHelpers
import SecureBytes

/// The stored entries of a keystore, as asynchronous functions.
struct KeyEntries: Sendable {
    let bridge: KeystoreBridge
    /// `source` or `destination`, for errors.
    let role: String

    /// How long one call may take.
    var limit = Duration.seconds(30)
    private static let pageSize = 1000

    /// An entry that was read and parsed.
    struct Entry: Sendable {
        /// As the keystore holds it.
        let bytes: SecretBytes
        /// As `StoredEntry` writes it today: what is compared, because older servers and editors leave other forms and line ends.
        private let normal: SecretBytes
        /// What tells it from other keys, without a byte of it.
        let provenance: String

        init(_ bytes: SecretBytes) throws(EnvelopeError) {
            self.bytes = bytes
            let key = try bytes.withUnsafeBytes { bytes throws(EnvelopeError) in try StoredEntry.decode(bytes) }
            normal = StoredEntry.encode(key)
            let creator = key.createdBy.isEmpty ? "" : " by \(OperatorText.escaped(key.createdBy))"
            provenance = "an \(key.algorithm.name) key, created \(key.createdAt)\(creator)"
        }

        /// Whether both are the same key, with the same HMAC key, algorithm, time of creation and creator.
        func isSame(as other: Entry) -> Bool { normal == other.normal }
    }

    /// All names that begin with `prefix`, in bytewise order.
    func names(prefix: String) async throws(MigrationError) -> [String] {
        var names: [String] = []
        while true {
            let after = names.last ?? ""
            let result = await withCheckedContinuation { continuation in
                bridge.list(prefix: prefix, after: after, limit: Self.pageSize, timeout: limit) {
                    continuation.resume(returning: $0)
                }
            }
            switch result {
            case .success(let page):
                names += page
                if page.count < Self.pageSize { return names }
            case .failure(let failure):
                throw .keystoreFailed(problem("list keys", failure), keys: [], KeystoreMigration.Progress())
            }
        }
    }

    /// What stands under a name.
    enum Content: Sendable {
        case entry(Entry)
        /// Something else than a key, or something that the keystore itself cannot read; then there are no bytes.
        case unusable(SecretBytes?, KeyProblem)

        /// As the keystore holds it; nil when it cannot be read.
        var bytes: SecretBytes? {
            switch self {
            case .entry(let entry): entry.bytes
            case .unusable(let bytes, _): bytes
            }
        }

        /// What tells it from other keys, without a byte of it.
        var provenance: String {
            switch self {
            case .entry(let entry): entry.provenance
            case .unusable: "no usable key"
            }
        }

        /// Whether it is the same key as that of `other`.
        func isSame(as other: Entry) -> Bool {
            if case .entry(let entry) = self { entry.isSame(as: other) } else { false }
        }
    }

    /// What stands under `name`; nil when nothing does.
    func content(_ name: String) async throws(KeyProblemOrKeystoreProblem) -> Content? {
        let result = await withCheckedContinuation { continuation in
            bridge.get(name, timeout: limit) { continuation.resume(returning: $0) }
        }
        switch result {
        case .success(let bytes):
            do {
                return .entry(try Entry(bytes))
            } catch {
                return .unusable(bytes, KeyProblem(name: name, reason: .unreadable(role: role, "\(error)")))
            }
        case .failure(let failure) where failure.kind == .notFound:
            return nil
        case .failure(let failure) where failure.concernsOneKey:
            return .unusable(nil, KeyProblem(name: name, reason: .unreadable(role: role, "\(failure)")))
        case .failure(let failure):
            throw .keystore(problem("read key '\(name)'", failure))
        }
    }

    /// The entry under `name`, parsed; nil when there is none.
    func entry(_ name: String) async throws(KeyProblemOrKeystoreProblem) -> Entry? {
        switch try await content(name) {
        case .entry(let entry): entry
        case .unusable(_, let problem): throw .key(problem)
        case nil: nil
        }
    }

    /// Stores an entry under a free name; false when the name is taken.
    func create(_ name: String, _ bytes: SecretBytes) async throws(KeyProblemOrKeystoreProblem) -> Bool {
        let result = await settled { settled, completion in
            bridge.create(name, value: bytes, timeout: limit, settled: settled, completion: completion)
        }
        switch result {
        case .success: return true
        case .failure(let failure) where failure.kind == .exists: return false
        case .failure(let failure): throw refused("create", name, failure)
        }
    }

    /// Removes the entry under `name`, if there is one.
    func remove(_ name: String) async throws(KeyProblemOrKeystoreProblem) {
        let result = await settled { settled, completion in
            bridge.delete(name, timeout: limit, settled: settled, completion: completion)
        }
        if case .failure(let failure) = result, failure.kind != .notFound { throw refused("remove", name, failure) }
    }

    /// Makes a call that changes something, and returns when it can change nothing any more: a call that is late could else remove what
    /// the next one creates. A plugin that is twice too late is not waited for.
    private func settled(
        _ call: (_ settled: @escaping KeystoreBridge.Completion<Void>, _ completion: @escaping KeystoreBridge.Completion<Void>) ->
            Void
    ) async -> Result<Void, KeystoreFailure> {
        await withCheckedContinuation { continuation in
            let waiting = NIOLockedValueBox<CheckedContinuation<Result<Void, KeystoreFailure>, Never>?>(continuation)
            @Sendable func end(_ result: Result<Void, KeystoreFailure>) {
                waiting.withLockedValue { waiting in
                    defer { waiting = nil }
                    return waiting
                }?.resume(returning: result)
            }
            let patience = limit
            call({ end($0) }) { result in
                // Before its end only when its time is over.
                guard waiting.withLockedValue({ $0 != nil }) else { return }
                Task {
                    try? await Task.sleep(for: patience)
                    end(result)
                }
            }
        }
    }

    private func refused(_ action: String, _ name: String, _ failure: KeystoreFailure) -> KeyProblemOrKeystoreProblem {
        let problem = problem("\(action) key '\(name)'", failure)
        return failure.concernsOneKey ? .key(KeyProblem(name: name, reason: .refused(problem))) : .keystore(problem)
    }

    private func problem(_ action: String, _ failure: KeystoreFailure) -> KeystoreProblem {
        KeystoreProblem(
            description: "the \(role) keystore '\(bridge.plugin.name)' failed to \(action): \(failure)", mayPass: failure.mayPass)
    }
}

extension KeystoreFailure {
    /// Whether it says something about what stands under one name, or was to, and nothing about the other keys.
    fileprivate var concernsOneKey: Bool { kind == .corrupt || kind == .invalid }

    /// Whether the same call may do better a moment later.
    fileprivate var mayPass: Bool {
        switch kind {
        case .unreachable, .timeout, .internal, .busy: true
        case .exists, .notFound, .invalid, .denied, .corrupt: false
        }
    }
}
