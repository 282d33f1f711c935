import Host
import TestSupport
import Testing

/// Connections on which nothing happens.
@Suite struct IdleTests {
    private let server: RunningServer
    private var client: Deployment.Client { server.deployment.admin }

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        // Longer than a busy machine may keep a busy connection waiting.
        server = try RunningServer(deployment) { $0.limits.idle = .seconds(2) }
    }

    @Test("A connection without a request is closed after 90 seconds")
    func limit() {
        #expect(TransportLimits().idle == .seconds(90))
    }

    @Test("Over HTTP/1.1 an idle connection is closed and a busy one is not")
    func http1() throws {
        let request = Array("GET /version HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        func isAnswered(_ bytes: [UInt8]) -> Bool { String(decoding: bytes, as: UTF8.self).hasSuffix("}") }
        let busy = try RawConnection(port: server.port, as: client, applicationProtocol: "http/1.1")
        busy.send(request)
        #expect(busy.read(until: isAnswered))
        let untouched = try RawConnection(port: server.port, as: client, applicationProtocol: "http/1.1")
        let idle = try RawConnection(port: server.port, as: client, applicationProtocol: "http/1.1")
        idle.send(request)
        // The busy one is older than both, and outlives them.
        while !idle.isClosed || !untouched.isClosed {
            busy.send(request)
            try #require(busy.read(until: isAnswered))
        }
        let answer = String(decoding: idle.readToEnd(), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("}"))
        #expect(untouched.readToEnd().isEmpty)
        busy.send(request)
        #expect(busy.read(until: isAnswered))
    }

    @Test("Over HTTP/2 an idle connection is closed, with a word of farewell, and a busy one is not")
    func http2() throws {
        let busy = try RawConnection(port: server.port, as: client, applicationProtocol: "h2")
        var stream = HTTP2Request(number: 0)
        func request() throws {
            stream.number += 1
            busy.send((stream.number == 1 ? HTTP2Request.preface : []) + stream.bytes)
            try #require(busy.read(until: stream.isAnswered))
        }
        try request()
        let idle = try RawConnection(port: server.port, as: client, applicationProtocol: "h2")
        idle.send(HTTP2Request.preface + HTTP2Request(number: 1).bytes)
        while !idle.isClosed { try request() }
        // GOAWAY without an error, naming the last request that was answered (RFC 9113, section 6.8).
        #expect(idle.readToEnd().suffix(17) == [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        try request()
    }
}

/// `GET /version` as frames of HTTP/2 (RFC 9113, section 4.1), with a head that needs no table (RFC 7541, appendix A).
private struct HTTP2Request {
    /// Counted from 1.
    var number: Int

    /// What a client says first: the preface, empty SETTINGS, and that it takes any number of answers (WINDOW_UPDATE).
    static let preface =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        + [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff]

    private var identifier: [UInt8] {
        let stream = UInt32(2 * number - 1)
        return (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) }
    }

    var bytes: [UInt8] {
        // :method GET, :scheme https, :path /version, :authority a
        let head: [UInt8] = [0x82, 0x87, 0x04, 8] + Array("/version".utf8) + [0x01, 1, UInt8(ascii: "a")]
        // HEADERS with END_STREAM and END_HEADERS
        return [0, 0, UInt8(head.count), 1, 5] + identifier + head
    }

    /// Whether the frames hold the end of this request's answer: DATA with END_STREAM.
    func isAnswered(_ frames: [UInt8]) -> Bool {
        var rest = frames[...]
        while rest.count >= 9 {
            let frame = Array(rest.prefix(9))
            if frame[3] == 0, frame[4] & 1 == 1, Array(frame[5...]) == identifier { return true }
            rest = rest.dropFirst(9 + Int(frame[0]) << 16 + Int(frame[1]) << 8 + Int(frame[2]))
        }
        return false
    }
}
