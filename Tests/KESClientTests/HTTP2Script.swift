import Foundation
import KESClient

/// A server that says one thing over HTTP/2, as soon as a request has come.
final class HTTP2Script: Sendable {
    var endpoint: Endpoint { server.endpoint }
    var certificate: String { server.certificate }
    private let frame: [UInt8]
    private let server: TLSServer

    /// - Parameter frame: what it says.
    init(answer frame: [UInt8]) throws {
        self.frame = frame
        server = try TLSServer(.server(), answering: false, arguments: ["-alpn", "h2"])
    }

    /// Serves until the first request.
    func answerOneRequest() async {
        await withCheckedContinuation { continuation in
            // A thread of its own, because it waits.
            Thread { [self] in
                serve()
                continuation.resume()
            }.start()
        }
    }

    private func serve() {
        var arrived: [UInt8] = []
        var hasBegun = false
        while case let bytes = server.process.readOutput(), !bytes.isEmpty {
            arrived += bytes
            // What the server says of its connection stands before it.
            guard let preface = arrived.firstRange(of: Self.preface) else { continue }
            if !hasBegun {
                hasBegun = true
                // SETTINGS with nothing in it (RFC 9113, section 3.4).
                server.process.write([0, 0, 0, 4, 0, 0, 0, 0, 0])
            }
            if Self.hasHead(arrived[preface.upperBound...]) { return server.process.write(frame) }
        }
    }

    /// What a client begins with (RFC 9113, section 3.4).
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Whether the head of a request is among the frames (RFC 9113, section 4.1).
    private static func hasHead(_ frames: ArraySlice<UInt8>) -> Bool {
        var rest = frames
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            if header[3] == 1 { return true }
            rest = rest.dropFirst(9 + Int(header[0]) << 16 + Int(header[1]) << 8 + Int(header[2]))
        }
        return false
    }
}
