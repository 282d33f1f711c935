import Credentials
import NIOCore

/// Where the events of a subscription go: a response that goes on.
protocol LogSink: AnyObject {
    /// Whether the client has taken, or the system holds for it, what was sent.
    var canTakeMore: Bool { get }
    /// Takes as much from the front as there is room for. Called when it can take more.
    func take(_ lines: inout ByteBuffer)
    /// Ends the response as a whole one.
    func finish()
    /// Gives the client up: what it has is cut off, and what waits for it here is dropped.
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
    let isGzip: Bool
    /// How many events it missed since it was told last.
    private(set) var missed = 0

    /// What waits for the client, in part or whole.
    private struct Piece {
        var bytes: ByteBuffer
        /// Whose memory that is. nil when it is the client's own.
        var lines: SharedLines?
    }

    /// When the answer ends, however much there is to say: the operator's time limit for the path.
    private let deadline: NIODeadline?
    private let followers: LogFollowers
    private var sink: (any LogSink)?
    private var waiting: [Piece] = []
    private var waitingBytes = 0
    /// Lines that the sink has taken and may still hold.
    private var sent: SharedLines?
    private var isPumping = false
    /// What was said so far, where it is said in the gzip coding and not at its end yet.
    private var gzip: GzipMember?
    /// Nothing more comes.
    private var isEnding = false
    private var isFinished = false
    /// Since when there is something that the client has not taken, or since when it could take the end.
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
        self.isGzip = isGzip
        self.followers = followers
        self.sink = sink
        if isGzip {
            gzip = GzipMember()
            wait(Piece(bytes: GzipMember.head))
        }
        followers.add(self)
    }

    /// The number of the oldest batch that is kept in memory for the client; nil when there is none.
    var oldest: Int? { sent?.number ?? waiting.lazy.compactMap(\.lines).first?.number }

    func deliver(_ batch: LogBatch) {
        guard sink != nil, !isEnding else { return }
        if missed == 0, let lines = encoded(batch, atMost: Self.capacity - waitingBytes) {
            wait(Piece(bytes: lines.bytes, lines: lines))
        } else {
            // Once something is missed, what follows is missed too, until the client was told: events stay in order.
            missed += batch.events.count
        }
        missed += batch.events.missed
        pump()
    }

    /// Events in the coding of the answer; nil when they are too long.
    private func encoded(_ batch: LogBatch, atMost limit: Int) -> SharedLines? {
        guard isGzip else { return batch.events.lines.readableBytes <= limit ? batch.plain : nil }
        let (piece, lines) = batch.gzip
        guard lines.bytes.readableBytes <= limit else { return nil }
        gzip?.add(piece)
        return lines
    }

    private func wait(_ piece: Piece) {
        waiting.append(piece)
        waitingBytes += piece.bytes.readableBytes
    }

    /// Sends what waits, as far as the client takes it. Called whenever it may take more.
    func pump() {
        // A write may come back here before it returns, when the client takes more than it did.
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        while let sink, sink.canTakeMore {
            sent = nil
            guard var piece = next() else { break }
            sent = piece.lines
            sink.take(&piece.bytes)
            guard self.sink != nil else { return }
            if piece.bytes.readableBytes > 0 {
                waiting.insert(piece, at: 0)
                waitingBytes += piece.bytes.readableBytes
            }
        }
        if !isEnding {
            behindSince = waiting.isEmpty && missed == 0 ? nil : behindSince ?? .now()
        } else if !isFinished, waiting.isEmpty, missed == 0, gzip == nil {
            isFinished = true
            sink?.finish()
        }
    }

    /// Takes out what is sent next.
    private func next() -> Piece? {
        if !waiting.isEmpty {
            let first = waiting.removeFirst()
            waitingBytes -= first.bytes.readableBytes
            return first
        }
        if missed > 0 { return Piece(bytes: notice()) }
        guard isEnding, let tail = gzip?.tail else { return nil }
        gzip = nil
        return Piece(bytes: tail)
    }

    /// Ends the response when its time is up, and cuts a client off that has not caught up for too long.
    func checkTime(now: NIODeadline) {
        if let deadline, now >= deadline { end() }
        if let behindSince, now - behindSince > Self.patience { cutOff() }
    }

    /// Ends the response, after what the client has coming.
    func end() {
        guard sink != nil, !isEnding else { return }
        isEnding = true
        behindSince = .now()
        pump()
    }

    /// Gives the client up.
    func cutOff() {
        guard let sink else { return }
        close()
        sink.abort()
    }

    /// The client is gone.
    func close() {
        followers.remove(self)
        sink = nil
        waiting = []
        waitingBytes = 0
        sent = nil
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
