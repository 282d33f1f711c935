import Credentials
import NIOCore

/// Where the events of a subscription go: a response that goes on.
protocol LogSink: AnyObject {
    /// Whether the client has taken, or the system holds for it, what was sent.
    var canTakeMore: Bool { get }
    func send(_ lines: ByteBuffer)
    /// Ends the response as a whole one.
    func finish()
    /// Gives the client up: what it has is cut off.
    func abort()
}

/// One client that follows a log. Belongs to the event loop of its connection.
///
/// A client that does not keep up gets what fits a bounded buffer. What does not fit it misses, and it is told how much as soon as it
/// reads again. One that has not caught up for some time is cut off.
final class LogSubscription {
    /// Who follows, by which proxy's word, and by which path: asked again when the rules change.
    let identity: Identity?
    let proxy: Identity?
    let forwarded: [UInt8]?
    let path: String
    /// How many events it missed since it was told last.
    private(set) var missed = 0

    /// When the answer ends, however much there is to say: the operator's time limit for the path.
    private let deadline: NIODeadline?
    private let followers: LogFollowers
    private var sink: (any LogSink)?
    private var waiting = ByteBuffer()
    /// What was said so far, where it is said in the gzip coding.
    private var gzip: GzipMember?
    /// Since when there is something that the client has not taken.
    private var behindSince: NIODeadline?

    /// Bytes that wait for a client at most, beside those that the system holds for it.
    private static let capacity = 1 << 20
    /// How long a client may lag behind.
    static let patience = TimeAmount.seconds(10)

    init(
        identity: Identity?, proxy: Identity?, forwarded: [UInt8]?, path: String, deadline: NIODeadline?, isGzip: Bool,
        followers: LogFollowers, sink: any LogSink
    ) {
        self.identity = identity
        self.proxy = proxy
        self.forwarded = forwarded
        self.path = path
        self.deadline = deadline
        self.followers = followers
        self.sink = sink
        if isGzip {
            gzip = GzipMember()
            waiting = GzipMember.head
        }
        followers.add(self)
    }

    var isGzip: Bool { gzip != nil }

    func deliver(_ events: LogFollowers.Events) {
        guard let sink else { return }
        if missed == 0, let lines = encoded(events, atMost: Self.capacity - waiting.readableBytes) {
            if waiting.readableBytes == 0, sink.canTakeMore {
                sink.send(lines)
            } else {
                waiting.writeImmutableBuffer(lines)
            }
        } else {
            // Once something is missed, what follows is missed too, until the client was told: events stay in order.
            missed += events.count
        }
        missed += events.missed
        pump()
    }

    /// Events in the coding of the answer; nil when they are too long.
    private func encoded(_ events: LogFollowers.Events, atMost limit: Int) -> ByteBuffer? {
        guard isGzip else { return events.lines.readableBytes <= limit ? events.lines : nil }
        let piece = followers.compressed(events)
        guard piece.bytes.readableBytes <= limit else { return nil }
        gzip?.add(piece)
        return piece.bytes
    }

    /// Sends what waits, as far as the client takes it. Called whenever it may take more.
    func pump() {
        while let sink, sink.canTakeMore {
            if waiting.readableBytes > 0 {
                let lines = waiting
                waiting = ByteBuffer()
                sink.send(lines)
            } else if missed > 0 {
                sink.send(notice())
            } else {
                break
            }
        }
        if waiting.readableBytes == 0, missed == 0 {
            behindSince = nil
        } else if behindSince == nil {
            behindSince = .now()
        }
    }

    /// Ends the response when its time is up, and cuts a client off that has not caught up for too long.
    ///
    /// - Returns: Whether it cut the client off.
    func checkTime(now: NIODeadline) -> Bool {
        if let deadline, now >= deadline { end() }
        guard let behindSince, now - behindSince > Self.patience, let sink else { return false }
        close()
        sink.abort()
        return true
    }

    /// Ends the response, after what the client has coming.
    func end() {
        guard let sink else { return }
        var last = waiting
        if missed > 0 { last.writeImmutableBuffer(notice()) }
        if let gzip { last.writeImmutableBuffer(gzip.tail) }
        close()
        if last.readableBytes > 0 { sink.send(last) }
        sink.finish()
    }

    /// The client is gone.
    func close() {
        followers.remove(self)
        sink = nil
        waiting = ByteBuffer()
    }

    /// Tells how many events were missed: a line that is no event, and reads like one of the error log.
    private func notice() -> ByteBuffer {
        var line = JSONWriter()
        line.object {
            $0.member(
                "message",
                "\(Plural.were(missed, "event")) missed: \(missed == 1 ? "it" : "they") came faster than \(missed == 1 ? "it was" : "they were") read"
            )
        }
        line.newline()
        followers.told(missed: missed)
        missed = 0
        guard isGzip else { return line.buffer }
        let piece = GzipPiece(stored: line.buffer)
        gzip?.add(piece)
        return piece.bytes
    }
}
