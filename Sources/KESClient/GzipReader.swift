import CZlib
import NIOCore

/// Reads a body in the gzip coding (RFC 1952), a bounded piece at a time, however much it grows.
package final class GzipReader {
    /// The body is not gzip, or its sums are wrong.
    package struct Damaged: Error {}

    // zlib keeps the address: it must not move. Allocated in `init` and freed in `deinit`.
    private let stream: UnsafeMutablePointer<z_stream>
    private var input = ByteBuffer()
    /// Whether the last piece filled the room that it had, so that zlib may hold back more.
    private var mayHoldMore = false
    /// Whether what was read ends where a body may end.
    package private(set) var isComplete = false

    /// What a piece has at most.
    private static let pieceSize = 64 * 1024

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, which is all there is; and 16, which stands for gzip.
        let code = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib found no memory, or is not the one that this was built with")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Takes more of the body. What came before must have been read.
    package func add(_ part: ByteBuffer) {
        input = part
    }

    /// The next piece of what the body stands for; nil when more of the body is needed.
    package func next() throws(Damaged) -> ByteBuffer? {
        guard input.readableBytes > 0 || mayHoldMore else { return nil }
        var output = ByteBuffer()
        var code = Z_OK
        input.readWithUnsafeReadableBytes { given in
            // zlib only reads it.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: given.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = UInt32(given.count)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.pieceSize) { room in
                stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(room.count)
                code = inflate(stream, Z_SYNC_FLUSH)
                return room.count - Int(stream.pointee.avail_out)
            }
            mayHoldMore = stream.pointee.avail_out == 0
            return given.count - Int(stream.pointee.avail_in)
        }
        switch code {
        case Z_OK:
            isComplete = false
        case Z_BUF_ERROR:
            // There was nothing to do.
            mayHoldMore = false
        case Z_STREAM_END:
            // Another member may follow (RFC 1952, section 2.2).
            inflateReset(stream)
            isComplete = true
            mayHoldMore = false
        default:
            throw Damaged()
        }
        return output.readableBytes > 0 || input.readableBytes > 0 ? output : nil
    }
}
