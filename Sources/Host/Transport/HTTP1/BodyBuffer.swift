import NIOCore

/// Collects the body of a request, and leaves no copy of its bytes behind.
///
/// Its memory serves the next request of the connection too, unless a body was large or somebody still holds it.
struct BodyBuffer {
    private(set) var bytes = ByteBuffer()

    /// Memory that is kept at most.
    private static let keptCapacity = 4096

    var count: Int { bytes.readableBytes }
    /// Whether it has no memory of its own yet.
    var isFresh: Bool { bytes.capacity == 0 }

    /// Copies a piece.
    mutating func append(_ piece: UnsafeRawBufferPointer) {
        guard !piece.isEmpty else { return }
        bytes.growWiping(by: max(piece.count, bytes.capacity == 0 ? 256 : 0))
        bytes.writeBytes(piece)
    }

    /// Overwrites what was collected, and is empty.
    mutating func clear() {
        guard count > 0 else { return }
        bytes.wipe()
        let isReusable = bytes.modifyIfUniquelyOwned { owned in
            owned.clear()
            return owned.capacity <= Self.keptCapacity
        }
        if isReusable != true { bytes = ByteBuffer() }
    }
}
