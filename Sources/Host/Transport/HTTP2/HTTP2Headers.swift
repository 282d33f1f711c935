import CNghttp2
import Glibc
import NIOCore

/// Header fields between HTTP/2 (RFC 9113, section 8) and this server's types.
enum HTTP2Headers {
    /// Takes one field of a request. libnghttp2 has checked names, values and their order.
    static func read(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, into stream: HTTP2Stream) {
        // No two of these names have the same length: nearly all fields are passed over without a look at their bytes.
        switch name.count {
        case 5 where equal(name, ":path"):
            stream.head.target = String(decoding: value, as: UTF8.self)
        case 6 where equal(name, "expect"):
            stream.expectsContinue = String(decoding: value, as: UTF8.self).lowercased() == "100-continue"
        case 7 where equal(name, ":method"):
            stream.head.method = String(decoding: value, as: UTF8.self)
        case 14 where equal(name, "content-length"):
            stream.head.contentLength = Int(String(decoding: value, as: UTF8.self))
        case 15 where equal(name, "accept-encoding"):
            stream.codings.add(UnsafeRawBufferPointer(value))
        default:
            break
        }
    }

    /// Takes one field of a request on a connection of a proxy, whose word about its client is believed.
    static func readForwarded(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, into stream: HTTP2Stream,
        certificateHeader: String
    ) {
        if name.elementsEqual(certificateHeader.utf8) {
            // Of two, one is the client's own: neither is believed.
            let isFirst = stream.head.forwardedCertificate == nil
            stream.head.forwardedCertificate = isFirst ? String(decoding: value, as: UTF8.self) : ""
        } else if equal(name, "x-forwarded-for") {
            stream.head.forwardedFor = String(decoding: value, as: UTF8.self)
        }
    }

    /// Lends the fields of an answer to `body`, which must not keep them.
    static func withFields<R>(
        of response: Response, date: String, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> R
    ) -> R {
        // All values that are not constants, one after another on the stack; fields point into them.
        var room = 2 * ByteCursor.decimalWidth + date.utf8.count
        for (name, value) in response.headers { room += name.utf8.count + value.utf8.count }
        return ByteCursor.withTemporary(room) { values in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 4 + response.headers.count) { fields in
                var count = 0
                func add(_ field: nghttp2_nv) {
                    fields.initializeElement(at: count, to: field)
                    count += 1
                }
                if response.status == 200 {
                    add(field(":status", "200"))
                } else {
                    add(field(":status", values.piece { $0.put(decimal: response.status) }))
                }
                if let contentType = response.contentType { add(field("content-type", contentType.value)) }
                if !response.isEndless {
                    add(field("content-length", values.piece { $0.put(decimal: response.body.readableBytes) }))
                }
                add(field("date", values.piece { $0.put(date) }))
                for (name, value) in response.headers {
                    add(field(values.piece { $0.put(name) }, values.piece { $0.put(value) }))
                }
                return body(UnsafePointer(fields.baseAddress), count)
            }
        }
    }

    /// Lends the field of an interim answer that asks for the body.
    static func withContinue<R>(_ body: (UnsafePointer<nghttp2_nv>, Int) -> R) -> R {
        withUnsafePointer(to: field(":status", "100")) { body($0, 1) }
    }

    private static func equal(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        // Both are good for `bytes.count` bytes: a literal of more than one character has a pointer to its code units.
        guard let first = bytes.baseAddress, bytes.count == text.utf8CodeUnitCount else { return false }
        return memcmp(first, text.utf8Start, bytes.count) == 0
    }

    private static func field(_ name: StaticString, _ value: StaticString) -> nghttp2_nv {
        var field = field(
            UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
            UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
        // Literals stay where they are for ever.
        field.flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
        return field
    }

    private static func field(_ name: StaticString, _ value: UnsafeBufferPointer<UInt8>) -> nghttp2_nv {
        var field = field(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
        field.flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue)
        return field
    }

    /// libnghttp2 takes pointers to mutable bytes but only reads and, without a NO_COPY flag, copies them.
    private static func field(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> nghttp2_nv {
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.baseAddress), value: UnsafeMutablePointer(mutating: value.baseAddress),
            namelen: name.count, valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }
}
