import CZlib
import NIOCore

/// A part of a body in the gzip coding, and what the sums at the body's end need to know of it.
struct GzipPiece: Sendable {
    var bytes: ByteBuffer
    /// Of what was compressed.
    var length: Int
    var checksum: UInt32

    /// Bytes as they are: a block that is not compressed (RFC 1951, section 3.2.4), at most 65,535 of them, and an empty one, at which readers
    /// hand out what they have: those in Go nowhere else.
    init(stored text: ByteBuffer) {
        let count = UInt16(text.readableBytes)
        length = text.readableBytes
        checksum = Self.checksum(of: text)
        bytes = ByteBuffer()
        bytes.writeInteger(0 as UInt8)
        bytes.writeMultipleIntegers(count, ~count, endianness: .little)
        bytes.writeImmutableBuffer(text)
        bytes.writeBytes([0, 0, 0, 0xFF, 0xFF])
    }

    init(_ bytes: ByteBuffer, of text: ByteBuffer) {
        self.bytes = bytes
        length = text.readableBytes
        checksum = Self.checksum(of: text)
    }

    private static func checksum(of text: ByteBuffer) -> UInt32 {
        text.withUnsafeReadableBytes { bytes in
            UInt32(truncatingIfNeeded: crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
        }
    }
}

/// What one client gets in the gzip coding: a single member (RFC 1952, section 2.3) made of pieces.
struct GzipMember {
    private var checksum: UInt32 = 0
    private var length = 0

    /// What comes before the first piece: deflate, no name, no time, no word of the system.
    static let head = ByteBuffer(bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])

    /// Takes account of the next piece.
    mutating func add(_ piece: GzipPiece) {
        checksum = UInt32(truncatingIfNeeded: crc32_combine(UInt(checksum), UInt(piece.checksum), piece.length))
        length += piece.length
    }

    /// What comes after the last piece: an empty block that says so, and the sums.
    var tail: ByteBuffer {
        var tail = ByteBuffer(bytes: [3, 0])
        tail.writeMultipleIntegers(checksum, UInt32(truncatingIfNeeded: length), endianness: .little)
        return tail
    }
}
