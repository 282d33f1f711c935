import NIOCore

/// Collects what is to be written to a connection, hands it over in one write, and wipes it once TLS has encrypted it.
struct OutboundBuffer {
    // One buffer for the life of the connection: the TLS handler encrypts a write at once unless the socket is full, and then this is
    // the only reference again and the storage serves the next write.
    var bytes = ByteBuffer()

    /// What is kept between writes at most. A connection that once sent a long answer need not hold its memory.
    private static let keptCapacity = 16 * 1024

    /// Writes and flushes what was collected, if anything.
    mutating func flush(_ context: ChannelHandlerContext) {
        guard bytes.readableBytes > 0 else { return }
        context.writeAndFlush(NIOAny(bytes), promise: nil)
        let isOurs = bytes.modifyIfUniquelyOwned { owned in
            owned.wipe()
            owned.clear()
            return true
        }
        guard isOurs == true else {
            // The TLS handler still needs the bytes. Writes complete in order: when an empty one has, these are encrypted.
            let taken = bytes
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in taken.wipe() }
            context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
            bytes = ByteBuffer()
            return
        }
        if bytes.capacity > Self.keptCapacity { bytes = ByteBuffer() }
    }
}
