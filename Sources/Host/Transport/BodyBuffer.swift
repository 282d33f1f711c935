import NIOCore

/// Collects the body of a request, and leaves no copy of its bytes behind.
struct BodyBuffer {
    private(set) var bytes = ByteBuffer()
    /// Whether `bytes` is a buffer of our own, and not a slice of the TLS handler's.
    private var isOwned = false

    var count: Int { bytes.readableBytes }

    /// Takes a piece. Most bodies come in one, which is kept as it is.
    mutating func append(_ piece: ByteBuffer) {
        guard count > 0 else {
            bytes = piece
            isOwned = false
            return
        }
        piece.withUnsafeReadableBytes { append($0) }
        piece.wipe()
    }

    /// Copies a piece.
    mutating func append(_ piece: UnsafeRawBufferPointer) {
        if !isOwned || bytes.writableBytes < piece.count {
            var grown = ByteBuffer()
            grown.reserveCapacity(max(2 * count, count + piece.count))
            grown.writeImmutableBuffer(bytes)
            bytes.wipe()
            bytes = grown
            isOwned = true
        }
        bytes.writeBytes(piece)
    }

    /// Overwrites what was collected.
    func wipe() {
        bytes.wipe()
    }
}
