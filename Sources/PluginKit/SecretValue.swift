import Glibc

/// The bytes of a value or a credential. They are written once, never change, and are wiped when the last reference goes.
public final class SecretValue: @unchecked Sendable {
    // `@unchecked Sendable` holds because `storage` is written in `init` only, before any other thread can have the
    // reference, and read-only from then until `deinit`, which runs when no other reference is left.
    private let storage: UnsafeMutableRawBufferPointer

    /// The number of bytes.
    public let count: Int

    /// Makes room for `capacity` bytes, of which `initialize` writes a beginning and returns how many.
    ///
    /// When `initialize` throws, what it wrote is wiped.
    public init<E: Error>(
        capacity: Int, initializingWith initialize: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) {
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: max(capacity, 1), alignment: 16)
        do {
            let room = UnsafeMutableRawBufferPointer(rebasing: storage[..<max(capacity, 0)])
            let count = try initialize(room)
            precondition((0...room.count).contains(count), "initialized more bytes than there is room for")
            self.count = count
        } catch {
            SecretValue.free(storage)
            throw error
        }
        self.storage = storage
    }

    /// Copies `bytes`, which stay the caller's to wipe.
    public convenience init(copying bytes: RawSpan) {
        self.init(capacity: bytes.byteCount) { storage in
            bytes.withUnsafeBytes { storage.copyMemory(from: $0) }
            return bytes.byteCount
        }
    }

    deinit { SecretValue.free(storage) }

    private static func free(_ storage: UnsafeMutableRawBufferPointer) {
        // `allocate` never gives an empty buffer here, so there is a base address; `explicit_bzero` is not optimised away.
        if let base = storage.baseAddress { explicit_bzero(base, storage.count) }
        storage.deallocate()
    }

    /// Lends the bytes to `body`. The pointer is valid until `body` returns; a copy of the bytes is the caller's to wipe.
    public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(rebasing: storage[..<count]))
    }
}

extension SecretValue: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "SecretValue(\(count) bytes)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
