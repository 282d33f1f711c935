import NIOCore
import SecureBytes

/// Writes bytes one after another into memory that was reserved for them.
///
/// For what is written for every request: a `ByteBuffer` finds out for each piece anew whether it is the only owner of its memory and
/// whether the piece fits, which costs more than the piece. Here that is done once, and each piece only compares two numbers.
struct ByteCursor {
    // Good for `capacity` bytes while the closure of `ByteBuffer.write(atMost:)` runs, which is as long as a cursor can be used. Every
    // write below has checked that what it writes ends at `capacity` at most.
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    /// How many bytes were written.
    fileprivate(set) var count = 0

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer) {
        // An empty buffer may have no address. Nothing fits into it, so that no address is written to.
        self.memory = memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
        capacity = memory.count
    }

    /// Makes room for `count` bytes and returns where they begin.
    @inline(__always)
    private mutating func take(_ count: Int) -> UnsafeMutableRawPointer {
        precondition(count >= 0 && count <= capacity &- self.count, "more was written than room was reserved for")
        defer { self.count &+= count }
        return memory + self.count
    }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        take(1).storeBytes(of: byte, as: UInt8.self)
    }

    /// - Parameter text: A literal of more than one character: those have a pointer, good for `utf8CodeUnitCount` bytes.
    @inline(__always)
    mutating func put(_ text: StaticString) {
        take(text.utf8CodeUnitCount).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    }

    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        take(bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    mutating func put(_ text: String) {
        // All strings on Linux are native ones, which have their bytes in one piece.
        if text.utf8.withContiguousStorageIfAvailable({ put(UnsafeRawBufferPointer($0)) }) == nil {
            for byte in text.utf8 { put(byte) }
        }
    }

    /// Writes a number in decimal digits.
    mutating func put(decimal value: Int) {
        if value < 0 { put(UInt8(ascii: "-")) }
        var rest = value.magnitude
        var digits = 1
        while rest >= 10 {
            rest /= 10
            digits &+= 1
        }
        let place = take(digits)
        rest = value.magnitude
        for offset in stride(from: digits &- 1, through: 0, by: -1) {
            place.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10), toByteOffset: offset, as: UInt8.self)
            rest /= 10
        }
    }

    /// Writes a number in as many decimal digits as `width` says, with zeros before it.
    mutating func put(decimal value: Int, width: Int) {
        let place = take(width)
        var rest = value
        for offset in stride(from: width &- 1, through: 0, by: -1) {
            place.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10), toByteOffset: offset, as: UInt8.self)
            rest /= 10
        }
    }

    /// Writes two lower-case digits for each byte.
    mutating func put(hexadecimal bytes: UnsafeRawBufferPointer) {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
        let place = take(2 * bytes.count)
        for (index, byte) in bytes.enumerated() {
            place.storeBytes(of: digit(byte >> 4), toByteOffset: 2 * index, as: UInt8.self)
            place.storeBytes(of: digit(byte & 0x0f), toByteOffset: 2 * index + 1, as: UInt8.self)
        }
    }

    /// Writes standard base64, without a copy in between.
    mutating func put(base64 bytes: UnsafeRawBufferPointer) {
        let count = Base64.encodedCount(bytes.count)
        Base64.encode(bytes, into: UnsafeMutableRawBufferPointer(start: take(count), count: count))
    }

    /// The most digits of a number, its sign included.
    static let decimalWidth = 20

    /// What `write` puts, as it stands in the cursor's memory: good while that is.
    mutating func piece(_ write: (inout ByteCursor) -> Void) -> UnsafeBufferPointer<UInt8> {
        let start = count
        write(&self)
        return UnsafeBufferPointer(start: (memory + start).assumingMemoryBound(to: UInt8.self), count: count - start)
    }

    /// Lends a cursor over `capacity` bytes of the stack.
    static func withTemporary<R>(_ capacity: Int, _ body: (inout ByteCursor) -> R) -> R {
        withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { memory in
            var cursor = ByteCursor(memory)
            return body(&cursor)
        }
    }
}

extension ByteBuffer {
    /// Appends what `body` writes, which must be `count` bytes at most.
    mutating func write(atMost count: Int, _ body: (inout ByteCursor) -> Void) {
        growWiping(by: count)
        writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
            var cursor = ByteCursor(memory)
            body(&cursor)
            return cursor.count
        }
    }
}
