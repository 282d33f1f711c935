/// Bytes that are no protobuf message.
struct ProtobufError: Error {}

/// Reads the fields of one message (protobuf.dev, "Encoding") in place.
struct ProtobufReader {
    /// A field's value. What Keswick's messages do not have is skipped as `other`.
    enum Value {
        case varint(UInt64)
        case bytes(UnsafeRawBufferPointer)
        case other
    }

    /// How many groups may be within each other in what is skipped.
    private static let groupLimit = 32

    private let message: UnsafeRawBufferPointer
    private var offset = 0

    private init(_ message: UnsafeRawBufferPointer) {
        self.message = message
    }

    /// Calls `body` for each field of `message` in their order.
    static func forEachField(
        of message: UnsafeRawBufferPointer, _ body: (_ number: UInt64, _ value: Value) throws(ProtobufError) -> Void
    ) throws(ProtobufError) {
        var reader = ProtobufReader(message)
        while reader.offset < message.count {
            let (number, wireType) = try reader.tag()
            try body(number, try reader.value(number: number, wireType: wireType))
        }
    }

    private mutating func tag() throws(ProtobufError) -> (number: UInt64, wireType: UInt64) {
        let tag = try varint()
        guard (1..<1 << 29).contains(tag >> 3) else { throw ProtobufError() }
        return (tag >> 3, tag & 7)
    }

    private mutating func value(number: UInt64, wireType: UInt64) throws(ProtobufError) -> Value {
        switch wireType {
        case 0: return .varint(try varint())
        case 1: _ = try take(8)
        case 2: return .bytes(try take(try varint()))
        case 3: try skipGroup(number)
        case 5: _ = try take(4)
        default: throw ProtobufError()
        }
        return .other
    }

    /// Skips to the end of the group `number`. Groups are of proto2, but every parser must pass over them.
    private mutating func skipGroup(_ number: UInt64) throws(ProtobufError) {
        var open = [number]
        while let innermost = open.last {
            let (number, wireType) = try tag()
            switch wireType {
            case 3:
                guard open.count < Self.groupLimit else { throw ProtobufError() }
                open.append(number)
            case 4:
                guard number == innermost else { throw ProtobufError() }
                open.removeLast()
            default: _ = try value(number: number, wireType: wireType)
            }
        }
    }

    private mutating func take(_ count: UInt64) throws(ProtobufError) -> UnsafeRawBufferPointer {
        guard let count = Int(exactly: count), count <= message.count - offset else { throw ProtobufError() }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: message[offset..<offset + count])
    }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < message.count else { throw ProtobufError() }
            let byte = message[offset]
            offset += 1
            // The tenth byte has room for one bit.
            guard shift < 63 || byte <= 1 else { throw ProtobufError() }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw ProtobufError()
    }
}

/// Writes the fields of a message into a buffer, or only counts their bytes.
struct ProtobufWriter {
    private let target: UnsafeMutableRawBufferPointer?
    /// How many bytes were written, or would have been.
    private(set) var count = 0

    init(_ target: UnsafeMutableRawBufferPointer) {
        self.target = target
    }

    init(measuring: Void) {
        target = nil
    }

    /// Writes a number, or nothing when it is zero, as proto3 has it.
    mutating func varint(_ number: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        rawVarint(number << 3)
        rawVarint(value)
    }

    /// Writes a byte string or a string, or nothing when it is empty.
    mutating func bytes(_ number: UInt64, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        rawVarint(number << 3 | 2)
        rawVarint(UInt64(bytes.count))
        if let target { UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: bytes) }
        count += bytes.count
    }

    /// Writes a message, also when it is empty.
    mutating func message(_ number: UInt64, _ body: (inout ProtobufWriter) -> Void) {
        var measuring = ProtobufWriter(measuring: ())
        body(&measuring)
        rawVarint(number << 3 | 2)
        rawVarint(UInt64(measuring.count))
        body(&self)
    }

    private mutating func rawVarint(_ value: UInt64) {
        var rest = value
        repeat {
            target?[count] = UInt8(truncatingIfNeeded: rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)
            count += 1
            rest >>= 7
        } while rest > 0
    }
}
