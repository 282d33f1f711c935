import CLibcrypto

/// A fixed number of secret bytes that are wiped when the last reference to them goes.
///
/// The bytes are written once, while the value is made, and never change. They do not print: `description` names their
/// count only. Comparison takes the same time whatever the bytes are.
public final class SecretBytes: @unchecked Sendable {
    // `@unchecked Sendable` holds because `storage` is written in `init` only, before any other thread can have the
    // reference, and read-only from then until `deinit`, which runs when no other reference is left.
    private let storage: UnsafeMutableRawBufferPointer

    /// The number of bytes.
    public var count: Int { storage.count }

    /// Makes `count` bytes and lets `initialize` write them. They are zero until it does.
    ///
    /// When `initialize` throws, what it wrote is wiped.
    public init<E: Error>(count: Int, initializingWith initialize: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        storage = .allocate(byteCount: max(count, 0), alignment: 16)
        storage.initializeMemory(as: UInt8.self, repeating: 0)
        try initialize(storage)
    }

    /// No bytes.
    public static let empty = SecretBytes(count: 0) { _ in }

    /// Copies `bytes`, which stay the caller's to wipe.
    public convenience init(copying bytes: UnsafeRawBufferPointer) {
        self.init(count: bytes.count) { $0.copyMemory(from: bytes) }
    }

    deinit {
        wipe(storage)
        storage.deallocate()
    }

    /// Lends the bytes to `body`. The pointer is valid until `body` returns; a copy of the bytes is the caller's to wipe.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(storage))
    }
}

extension SecretBytes: Equatable {
    /// Compares in constant time for bytes of equal count.
    public static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        guard left.count == right.count else { return false }
        return CRYPTO_memcmp(left.storage.baseAddress, right.storage.baseAddress, left.count) == 0
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SecretBytes(\(count) bytes)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
