import Credentials
import Envelope
import NIOCore

/// The audit log: one event for every request that reached the API, whatever became of it.
///
/// An event is a line of JSON. It names who asked for what, from where, and what came of it, and never holds a key, a plaintext, a
/// ciphertext or a context.
final class AuditTrail: Sendable {
    private let output: LineWriter?
    private let feed: LogFeed
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - output: Where events go; nil for nowhere.
    ///   - feed: Where clients follow them, whatever `output` is.
    init(output: LineWriter?, feed: LogFeed, now: @escaping @Sendable () -> Timestamp) {
        self.output = output
        self.feed = feed
        self.now = now
    }

    func record(address: String, path: String, identity: Identity?, status: Int, duration: TimeAmount) {
        let isFollowed = feed.hasFollowers
        guard output != nil || isFollowed else { return }
        let line = Self.encode(
            time: now(), address: address, path: path, identity: identity, status: status, nanoseconds: duration.nanoseconds)
        if isFollowed { feed.publish { $0.writeImmutableBuffer(line) } }
        output?.write { $0.append(contentsOf: line.readableBytesView) }
    }

    /// `{"time":"…","request":{"ip":"…","path":"…","identity":"…"},"response":{"code":200,"time":NANOSECONDS}}` and a newline.
    static func encode(
        time: Timestamp, address: String, path: String, identity: Identity?, status: Int, nanoseconds: Int64
    ) -> ByteBuffer {
        var line = JSONWriter(capacity: 320)
        line.object { event in
            event.member("time", time.description)
            event.member(
                "request",
                object: { request in
                    request.member("ip", address)
                    request.member("path", path)
                    if let identity { request.member("identity", identity.description) }
                })
            event.member(
                "response",
                object: { response in
                    response.member("code", status)
                    response.member("time", nanoseconds)
                })
        }
        line.newline()
        return line.buffer
    }
}
