import NIOCore
import SecureBytes

/// Writes JSON (RFC 8259) into a byte buffer: objects and arrays of strings, numbers and base64 fields, nothing more general.
struct JSONWriter {
    private(set) var buffer: ByteBuffer
    private var needsComma = false

    init(capacity: Int = 256) {
        buffer = ByteBuffer()
        buffer.reserveCapacity(capacity)
    }

    /// Goes on where `buffer` ends.
    init(appendingTo buffer: ByteBuffer) {
        self.buffer = buffer
    }

    /// `{…}` with the members that `body` writes.
    mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "{"))
        try body(&self)
        close(UInt8(ascii: "}"))
    }

    /// `[…]` with the elements that `body` writes.
    mutating func array(_ body: (inout JSONWriter) -> Void) {
        open(UInt8(ascii: "["))
        body(&self)
        close(UInt8(ascii: "]"))
    }

    mutating func member(_ name: StaticString, _ value: String) {
        key(name, room: 0) { _ in }
        needsComma = false
        string(value)
    }

    mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
        guard let number = Int(exactly: value) else {
            key(name, room: 0) { _ in }
            buffer.writeString(String(value))
            return
        }
        key(name, room: ByteCursor.decimalWidth) { $0.put(decimal: number) }
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        key(name, room: 5) { $0.put(value ? "true" : "false") }
    }

    /// A member whose value is the text that `write` puts: `room` characters at most, of which none needs to be escaped.
    mutating func member(_ name: StaticString, plain room: Int, _ write: (inout ByteCursor) -> Void) {
        key(name, room: room + 2) {
            $0.put(UInt8(ascii: "\""))
            write(&$0)
            $0.put(UInt8(ascii: "\""))
        }
    }

    /// A member whose value is the standard base64 of `bytes`, written without a copy in between.
    mutating func member(_ name: StaticString, base64 bytes: UnsafeRawBufferPointer) {
        key(name, room: Base64.encodedCount(bytes.count) + 2) {
            $0.put(UInt8(ascii: "\""))
            $0.put(base64: bytes)
            $0.put(UInt8(ascii: "\""))
        }
    }

    /// A member that holds an array.
    mutating func member(_ name: StaticString, array body: (inout JSONWriter) -> Void) {
        key(name, room: 0) { _ in }
        needsComma = false
        array(body)
    }

    /// A member whose name is not a constant, and that holds an object.
    mutating func member(escaping name: String, object body: (inout JSONWriter) -> Void) {
        string(name)
        buffer.writeInteger(UInt8(ascii: ":"))
        needsComma = false
        object(body)
    }

    /// A member that holds an object.
    mutating func member(_ name: StaticString, object body: (inout JSONWriter) -> Void) {
        key(name, room: 0) { _ in }
        needsComma = false
        object(body)
    }

    /// Ends a line of newline-delimited JSON.
    mutating func newline() {
        buffer.writeInteger(UInt8(ascii: "\n"))
        needsComma = false
    }

    /// An element, or the value of the member whose name was written last.
    mutating func string(_ value: String) {
        if Self.needsNoEscapes(value) {
            let isNext = needsComma
            buffer.write(atMost: value.utf8.count + 3) {
                if isNext { $0.put(UInt8(ascii: ",")) }
                $0.put(UInt8(ascii: "\""))
                $0.put(value)
                $0.put(UInt8(ascii: "\""))
            }
        } else {
            separate()
            buffer.writeInteger(UInt8(ascii: "\""))
            writeEscaped(value)
            buffer.writeInteger(UInt8(ascii: "\""))
        }
        needsComma = true
    }

    /// The name of a member, and what `value` writes behind it, which is `room` bytes at most.
    private mutating func key(_ name: StaticString, room: Int, _ value: (inout ByteCursor) -> Void) {
        let isNext = needsComma
        buffer.write(atMost: name.utf8CodeUnitCount + 4 + room) {
            if isNext { $0.put(UInt8(ascii: ",")) }
            $0.put(UInt8(ascii: "\""))
            $0.put(name)
            $0.put("\":")
            value(&$0)
        }
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { buffer.writeInteger(UInt8(ascii: ",")) }
        needsComma = false
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        buffer.writeInteger(bracket)
    }

    private mutating func close(_ bracket: UInt8) {
        buffer.writeInteger(bracket)
        needsComma = true
    }

    private static func needsNoEscapes(_ value: String) -> Bool {
        func isPlain(_ byte: UInt8) -> Bool {
            byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
        // All strings on Linux are native ones, which have their bytes in one piece.
        return value.utf8.withContiguousStorageIfAvailable { $0.allSatisfy(isPlain) } ?? value.utf8.allSatisfy(isPlain)
    }

    /// Besides what JSON demands, what a terminal or a collector of logs could take for a command or the end of a line is escaped: clients
    /// choose the paths in audit events.
    private mutating func writeEscaped(_ value: String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": buffer.writeStaticString("\\\"")
            case "\\": buffer.writeStaticString("\\\\")
            case "\n": buffer.writeStaticString("\\n")
            case "\r": buffer.writeStaticString("\\r")
            case "\t": buffer.writeStaticString("\\t")
            case _ where scalar.isHidden: buffer.writeString(scalar.jsonEscape)
            default: buffer.writeString(String(scalar))
            }
        }
    }
}
