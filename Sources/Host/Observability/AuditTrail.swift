import Credentials
import Envelope
import NIOCore

/// The audit log: one event for every request that reached the API, whatever became of it.
///
/// An event is a line of JSON. It names who asked for what, from where, and what came of it, and never holds a key, a plaintext, a
/// ciphertext or a context. Event loops write their events with an `AuditCollector` each.
final class AuditTrail: Sendable {
    private let output: LineWriter?
    private let feed: LogFeed
    /// What reads the wall clock.
    let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - output: Where events go; nil for nowhere.
    ///   - feed: Where clients follow them, whatever `output` is.
    init(output: LineWriter?, feed: LogFeed, now: @escaping @Sendable () -> Timestamp) {
        self.output = output
        self.feed = feed
        self.now = now
    }

    /// Whether anyone wants events. What nobody wants is not worth writing.
    var isWanted: Bool { output != nil || feed.hasFollowers }

    /// Passes events on.
    ///
    /// - Parameters:
    ///   - lines: Whole lines.
    ///   - count: How many.
    func write(_ lines: ByteBuffer, count: Int) {
        if feed.hasFollowers { feed.publish(count: count) { $0.writeImmutableBuffer(lines) } }
        output?.write(count: count) { $0.append(contentsOf: lines.readableBytesView) }
    }
}
