/// A request as frames of HTTP/2 (RFC 9113, section 4.1), with a head that needs no table (RFC 7541, appendix A): for what no client would say.
package struct HTTP2Request {
    package enum Method: UInt8 {
        case get
        case put
    }

    /// Counted from 1.
    package var number: Int
    package var method: Method
    /// At most 126 bytes, as they are.
    package var path: String
    /// Whether frames with a body follow.
    package var hasBody = false

    package init(number: Int, method: Method = .get, path: String = "/version") {
        self.number = number
        self.method = method
        self.path = path
    }

    /// What a client says first: the preface, empty SETTINGS, and that it takes any number of answers (WINDOW_UPDATE).
    package static let preface =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        + [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff]

    /// What it says last: GOAWAY without an error.
    package static let farewell: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

    private var identifier: [UInt8] {
        let stream = UInt32(2 * number - 1)
        return (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) }
    }

    /// A frame of the request's stream, of less than 64 KiB.
    package func frame(_ type: UInt8, flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xff), type, flags] + identifier + payload
    }

    /// SETTINGS by which answers have no credit until the client gives some, stream by stream (RFC 9113, section 6.9.2).
    package static let noCredit: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]

    /// What is answered when all before it was seen.
    package static let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0] + Array("question".utf8)
    /// The answer to that.
    package static let pong: [UInt8] = [0, 0, 8, 6, 1, 0, 0, 0, 0] + Array("question".utf8)

    /// The types and flags of the frames of this request's stream, in their order.
    package func frames(in bytes: [UInt8]) -> [(type: UInt8, flags: UInt8)] {
        var found: [(type: UInt8, flags: UInt8)] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let frame = Array(rest.prefix(9))
            if Array(frame[5...]) == identifier { found.append((frame[3], frame[4])) }
            rest = rest.dropFirst(9 + Int(frame[0]) << 16 + Int(frame[1]) << 8 + Int(frame[2]))
        }
        return found
    }

    package var bytes: [UInt8] {
        let method: [UInt8] =
            switch method {
            case .get: [0x82]
            // :method as a literal
            case .put: [0x02, 3] + Array("PUT".utf8)
            }
        // :scheme https, :path, :authority a
        let head = method + [0x87, 0x04, UInt8(path.utf8.count)] + Array(path.utf8) + [0x01, 1, UInt8(ascii: "a")]
        // HEADERS with END_HEADERS, and END_STREAM when nothing follows
        return frame(1, flags: hasBody ? 4 : 5, head)
    }

    /// Whether the frames hold the end of this request's answer: DATA with END_STREAM.
    package func isAnswered(_ frames: [UInt8]) -> Bool {
        self.frames(in: frames).contains { $0.type == 0 && $0.flags & 1 == 1 }
    }
}
