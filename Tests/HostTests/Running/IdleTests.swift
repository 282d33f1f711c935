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
        let busy = try RawTLSClient(port: server.port, as: client, applicationProtocol: "http/1.1")
        busy.send(request)
        #expect(busy.read(until: isAnswered))
        let untouched = try RawTLSClient(port: server.port, as: client, applicationProtocol: "http/1.1")
        let idle = try RawTLSClient(port: server.port, as: client, applicationProtocol: "http/1.1")
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

    /// One that would be waited for would end the connection at once, without a word: a head may take no time here.
    @Test("Malformed trailers end their stream only")
    func trailers() throws {
        let server = try RunningServer(server.deployment) {
            $0.limits.idle = .seconds(2)
            $0.limits.requestHead = .nanoseconds(1)
        }
        let connection = try RawTLSClient(port: server.port, as: client, applicationProtocol: "h2")
        var request = HTTP2Request(number: 1, method: .put, path: "/v1/key/generate/none")
        request.hasBody = true
        connection.send(HTTP2Request.preface + request.bytes)
        // An empty piece of the body, and then the field `A: b`, which lower case only would make one (RFC 9113, section 8.2).
        connection.send(
            request.frame(0, flags: 0, []) + request.frame(1, flags: 5, [0x00, 1, UInt8(ascii: "A"), 1, UInt8(ascii: "b")]))
        let frames = connection.readToEnd()
        // RST_STREAM for the stream, and at the end of the idle time GOAWAY.
        #expect(frames.contains([0, 0, 4, 3, 0, 0, 0, 0, 1]))
        #expect(frames.suffix(17) == [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    }

    @Test("Over HTTP/2 a head that is not finished ends its connection")
    func stalledHead() throws {
        let server = try RunningServer(server.deployment) {
            $0.limits.idle = .seconds(5)
            $0.limits.requestHead = .seconds(1)
        }
        let stalled = try RawTLSClient(port: server.port, as: client, applicationProtocol: "h2")
        let first = HTTP2Request(number: 1)
        stalled.send(HTTP2Request.preface + first.bytes)
        #expect(stalled.read(until: first.isAnswered))
        // HEADERS without END_HEADERS, which CONTINUATION has to follow (RFC 9113, section 6.2).
        stalled.send(HTTP2Request(number: 2).frame(1, flags: 1, [0x82]))
        // One that comes after it and is idle goes long after it, so that nothing is waited for that never comes.
        let idle = try RawTLSClient(port: server.port, as: client, applicationProtocol: "h2")
        idle.send(HTTP2Request.preface + first.bytes)
        _ = idle.readToEnd()
        #expect(stalled.isClosed)
    }

    @Test("Over HTTP/2 an idle connection is closed, with a word of farewell, and a busy one is not")
    func http2() throws {
        let busy = try RawTLSClient(port: server.port, as: client, applicationProtocol: "h2")
        var stream = HTTP2Request(number: 0)
        func request() throws {
            stream.number += 1
            busy.send((stream.number == 1 ? HTTP2Request.preface : []) + stream.bytes)
            try #require(busy.read(until: stream.isAnswered))
        }
        try request()
        let idle = try RawTLSClient(port: server.port, as: client, applicationProtocol: "h2")
        idle.send(HTTP2Request.preface + HTTP2Request(number: 1).bytes)
        while !idle.isClosed { try request() }
        // GOAWAY without an error, naming the last request that was answered (RFC 9113, section 6.8).
        #expect(idle.readToEnd().suffix(17) == [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        try request()
    }
}
