import NIOCore

/// Collects what is to be written to a connection, so that it goes out in one write and is wiped once TLS has encrypted it.
struct OutboundBuffer {
    // One buffer for the life of the connection: the TLS handler encrypts a write at once unless the socket is full, and then this is
    // the only reference again and the storage serves the next write.
    var bytes = ByteBuffer()

    /// What is kept between writes at most. A connection that once sent a long answer need not hold its memory.
    private static let keptCapacity = 16 * 1024

    /// What of a long answer is encrypted at a time: more would not stay in the processor's cache while it is copied, encrypted and wiped.
    static let piece = PieceMemory.capacity - 16 * 1024 - 64

    /// Whether there is enough for one write.
    var isFull: Bool { bytes.readableBytes >= Self.piece }

    /// Takes out what was collected; nil when there is nothing.
    ///
    /// To be written with `ByteBuffer.send`, from a variable of the caller's own: a write may call back into the handler before it
    /// returns (when the socket fails, NIO reads what is left in it first), and the handler then collects and writes again.
    mutating func take() -> ByteBuffer? {
        guard bytes.readableBytes > 0 else { return nil }
        var taken = ByteBuffer()
        swap(&taken, &bytes)
        return taken
    }

    /// Takes memory back that `ByteBuffer.send` has left. What is too much for one connection serves the next long answer of any.
    mutating func reuse(_ memory: ByteBuffer, or pieces: PieceMemory) {
        if memory.capacity > Self.keptCapacity {
            pieces.give(memory)
        } else if bytes.readableBytes == 0 {
            bytes = memory
        }
    }
}

extension ByteBuffer {
    /// Writes and flushes the bytes, and wipes them as soon as TLS has encrypted them. What is left is empty memory.
    mutating func send(_ context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(self), promise: nil)
        let isOurs = modifyIfUniquelyOwned { owned in
            owned.wipe()
            owned.clear()
            return true
        }
        guard isOurs != true else { return }
        // The TLS handler still needs the bytes. Writes complete in order: when an empty one has, these are encrypted.
        let taken = self
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in taken.wipe() }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
        self = ByteBuffer()
    }
}
