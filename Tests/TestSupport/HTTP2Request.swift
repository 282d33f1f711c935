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

    /// A frame of the request's stream, of less than 256 bytes.
    package func frame(_ type: UInt8, flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0, 0, UInt8(payload.count), type, flags] + identifier + payload
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
        var rest = frames[...]
        while rest.count >= 9 {
            let frame = Array(rest.prefix(9))
            if frame[3] == 0, frame[4] & 1 == 1, Array(frame[5...]) == identifier { return true }
            rest = rest.dropFirst(9 + Int(frame[0]) << 16 + Int(frame[1]) << 8 + Int(frame[2]))
        }
        return false
    }
}
