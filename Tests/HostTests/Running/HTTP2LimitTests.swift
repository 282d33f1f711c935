import Glibc
import Host
import TestSupport
import Testing

/// What one HTTP/2 connection may have at once.
@Suite struct HTTP2LimitTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
    }

    private func connect(_ server: RunningServer) throws -> RawTLSClient {
        try RawTLSClient(port: server.port, as: deployment.admin, applicationProtocol: "h2")
    }

    /// Sends bytes, and gives all frames by which the server answered them at once.
    private func exchange(_ connection: RawTLSClient, _ bytes: [UInt8]) -> [UInt8] {
        var all: [UInt8] = []
        // The answer to a PING overtakes what goes out with it; that to the next one does not.
        for bytes in [bytes, []] {
            var frames: [UInt8] = []
            connection.send(bytes + HTTP2Request.ping)
            #expect(
                connection.read {
                    frames = $0
                    return $0.contains(HTTP2Request.pong)
                })
            all += frames
        }
        return all
    }

    private func put(_ number: Int) -> HTTP2Request {
        var request = HTTP2Request(number: number, method: .put, path: "/v1/key/generate/none")
        request.hasBody = true
        return request
    }

    private static let windowUpdate: UInt8 = 8

    @Test("Beyond the limit of bodies only the oldest request gets credit, and the others when it is answered")
    func bodies() throws {
        let server = try RunningServer(deployment) { $0.limits.bodyBytes = 60_000 }
        let connection = try connect(server)
        let (first, second) = (put(1), put(2))
        let piece = [UInt8](repeating: UInt8(ascii: " "), count: 16_000)
        func pieces(_ request: HTTP2Request, _ count: Int) -> [UInt8] {
            Array(repeating: request.frame(0, flags: 0, piece), count: count).flatMap { $0 }
        }
        // 48,000 bytes of the first and 32,000 of the second, which are more than half of a window in both.
        let begun = exchange(connection, HTTP2Request.preface + first.bytes + second.bytes + pieces(first, 3))
        #expect(first.frames(in: begun).map(\.type) == [Self.windowUpdate])
        let over = exchange(connection, pieces(second, 3))
        #expect(second.frames(in: over).isEmpty)
        // The oldest goes on, however much there is.
        let more = exchange(connection, pieces(first, 3))
        #expect(first.frames(in: more).map(\.type) == [Self.windowUpdate])
        #expect(second.frames(in: more).isEmpty)
        connection.send(first.frame(0, flags: 1, []))
        #expect(connection.read { first.isAnswered($0) && second.frames(in: $0).map(\.type) == [Self.windowUpdate] })
        connection.send(second.frame(0, flags: 1, []))
        #expect(connection.read(until: second.isAnswered))
    }

    @Test("A request that the client has given up counts until the keystore is done with it")
    func resetRequests() throws {
        let gate = deployment.directory.file("gate")
        try #require(mkfifo(gate, 0o600) == 0)
        try compileKeystore("gated", definitions: ["GATE_PIPE=\"\(gate)\""], into: deployment.directory)
        try deployment.configure(keystore: "gated: {}", more: "cache: { expiry: { any: 1ns, unused: 1ns } }")
        let server = try RunningServer(deployment) { $0.limits.concurrentCalls = 1 }
        let connection = try connect(server)
        let create = HTTP2Request(number: 1, method: .put, path: "/v1/key/create/piped-a")
        connection.send(HTTP2Request.preface + create.bytes)
        #expect(connection.read { !create.frames(in: $0).isEmpty })
        let slow = HTTP2Request(number: 2, path: "/v1/key/describe/piped-a")
        let (reset, next) = (slow.frame(3, flags: 0, [0, 0, 0, 8]), HTTP2Request(number: 3))
        let held = exchange(connection, slow.bytes + reset + next.bytes)
        #expect(next.frames(in: held).isEmpty)
        // Opened for writing, the gate lets the call in, and closed, through.
        let opener = try run("timeout", ["60", "sh", "-c", "exec 3>\"$0\"", gate])
        #expect(opener.code == 0)
        #expect(connection.read(until: next.isAnswered))
    }

    /// The literal field `x: aaa…` for the dynamic table (RFC 7541, section 6.2.1), and then its number, again and again.
    private static func repeated(_ count: Int) -> [UInt8] {
        let value = [UInt8](repeating: UInt8(ascii: "a"), count: 3900)
        // 3900 as an integer with a prefix of seven bits.
        let length: [UInt8] = [0x7f, UInt8((3900 - 127) % 128 + 128), UInt8((3900 - 127) / 128)]
        return [0x40, 1, UInt8(ascii: "x")] + length + value + [UInt8](repeating: 0xbe, count: count)
    }

    @Test("A head that decodes to far more than is allowed is given up, and so are trailers")
    func repeatedField() throws {
        let server = try RunningServer(deployment)
        let connection = try connect(server)
        func head(_ number: Int, repeating count: Int) -> [UInt8] {
            // :method GET, :scheme https, :path /version, :authority a
            let fields: [UInt8] = [0x82, 0x87, 0x04, 8] + Array("/version".utf8) + [0x01, 1, UInt8(ascii: "a")]
            return HTTP2Request(number: number).frame(1, flags: 5, fields + Self.repeated(count))
        }
        let frames = exchange(connection, HTTP2Request.preface + head(1, repeating: 5) + head(2, repeating: 5000))
        // An answer (431), and RST_STREAM.
        #expect(HTTP2Request(number: 1).isAnswered(frames))
        #expect(HTTP2Request(number: 2).frames(in: frames).map(\.type) == [3])
        let trailing = put(3)
        let trailers = trailing.frame(0, flags: 0, []) + trailing.frame(1, flags: 5, Self.repeated(5000))
        #expect(trailing.frames(in: exchange(connection, trailing.bytes + trailers)).map(\.type) == [3])
        let last = HTTP2Request(number: 4)
        #expect(last.isAnswered(exchange(connection, last.bytes)))
    }
}
