import NIOCore
import SecureBytes

extension ByteBuffer {
    /// Makes room for `count` more bytes, and leaves no copy of the present ones behind, as growing by reallocation would.
    package mutating func growWiping(by count: Int) {
        guard writableBytes < count else { return }
        var grown = ByteBuffer()
        grown.reserveCapacity(max(2 * readableBytes, readableBytes + count))
        grown.writeImmutableBuffer(self)
        wipe()
        self = grown
    }

    /// Overwrites the readable bytes in place, even when other buffers share the storage.
    ///
    /// Bodies may hold plaintexts. The TLS handler hands out slices of its one read buffer and keeps a reference to it, so that a
    /// mutation through `ByteBuffer` would copy the bytes and wipe the copy. The storage is heap memory that NIO allocated for
    /// writing; that no other reader still needs these bytes is the caller's to know: it owns the request or the response that
    /// they belong to, and is done with it.
    package func wipe() {
        withUnsafeReadableBytes { bytes in
            SecureBytes.wipe(UnsafeMutableRawBufferPointer(mutating: bytes))
        }
    }
}
