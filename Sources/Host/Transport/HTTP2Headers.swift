import CNghttp2
import NIOCore

/// Header fields between HTTP/2 (RFC 9113, section 8) and this server's types.
enum HTTP2Headers {
    /// Takes one field of a request into `head`. libnghttp2 has checked names, values and their order.
    static func read(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, into head: inout RequestHead,
        forwardedCertificateHeader: String?
    ) {
        if equal(name, ":method") {
            head.method = String(decoding: value, as: UTF8.self)
        } else if equal(name, ":path") {
            head.target = String(decoding: value, as: UTF8.self)
        } else if equal(name, "content-length") {
            head.contentLength = Int(String(decoding: value, as: UTF8.self))
        } else if let header = forwardedCertificateHeader {
            if name.elementsEqual(header.utf8) {
                head.forwardedCertificate = String(decoding: value, as: UTF8.self)
            } else if equal(name, "x-forwarded-for") {
                head.forwardedFor = String(decoding: value, as: UTF8.self)
            }
        }
    }

    /// Lends the fields of an answer to `body`, which must not keep them.
    static func withFields<R>(
        of response: Response, date: String, _ body: (UnsafePointer<nghttp2_nv>?, Int) -> R
    ) -> R {
        // All values that are not constants, one after another in one buffer that outlives the call; fields point into it. Numbers
        // have 20 digits at most.
        var values = ByteBuffer()
        values.reserveCapacity(128)
        values.writeString(String(response.status))
        let statusEnd = values.writerIndex
        values.writeString(String(response.body.readableBytes))
        let lengthEnd = values.writerIndex
        values.writeString(date)
        let dateEnd = values.writerIndex
        for (name, value) in response.headers {
            values.writeString(name)
            values.writeString(value)
        }
        return values.withUnsafeReadableBytes { bytes in
            let pieces = bytes.bindMemory(to: UInt8.self)
            return withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 4 + response.headers.count) { fields in
                var count = 0
                func add(_ field: nghttp2_nv) {
                    fields.initializeElement(at: count, to: field)
                    count += 1
                }
                add(field(":status", UnsafeBufferPointer(rebasing: pieces[..<statusEnd])))
                if let contentType = response.contentType {
                    let value = contentType.value
                    add(field("content-type", UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount)))
                }
                if !response.isEndless {
                    add(field("content-length", UnsafeBufferPointer(rebasing: pieces[statusEnd..<lengthEnd])))
                }
                add(field("date", UnsafeBufferPointer(rebasing: pieces[lengthEnd..<dateEnd])))
                var position = dateEnd
                for (name, value) in response.headers {
                    let nameEnd = position + name.utf8.count
                    let valueEnd = nameEnd + value.utf8.count
                    add(
                        field(
                            UnsafeBufferPointer(rebasing: pieces[position..<nameEnd]),
                            UnsafeBufferPointer(rebasing: pieces[nameEnd..<valueEnd])))
                    position = valueEnd
                }
                return body(UnsafePointer(fields.baseAddress), count)
            }
        }
    }

    private static func equal(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        bytes.count == text.utf8CodeUnitCount
            && bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func field(_ name: StaticString, _ value: UnsafeBufferPointer<UInt8>) -> nghttp2_nv {
        field(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
    }

    /// libnghttp2 takes pointers to mutable bytes but only reads and, without a NO_COPY flag, copies them.
    private static func field(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> nghttp2_nv {
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.baseAddress), value: UnsafeMutablePointer(mutating: value.baseAddress),
            namelen: name.count, valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }
}
