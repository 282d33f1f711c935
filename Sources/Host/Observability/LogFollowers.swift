import Credentials
import NIOCore

/// The clients on one event loop that follow one log. Belongs to the loop.
final class LogFollowers {
    /// Some events, one after another.
    struct Events: Sendable {
        /// Each with its line end.
        var lines: ByteBuffer
        /// The lines compressed, when somebody wants them so.
        let gzip = SharedGzipPiece()
        var count: Int
        /// How many more there were after these, for which there was no room.
        var missed: Int
    }

    private let feed: LogFeed
    private let eventLoop: any EventLoop
    private var subscriptions: [ObjectIdentifier: LogSubscription] = [:]
    /// How many of them take compressed events.
    private var gzipCount = 0
    /// While anybody does.
    private var compressor: LogCompressor?
    /// How many events followers did not get, all together.
    private(set) var missed = 0
    /// What the events occupy that some have not taken yet.
    var heldBytes = 0
    private var batches = 0

    /// How much that may be. Followers that stop to read at different times hold different events, 1 MiB each.
    private static let capacity = 8 << 20

    init(feed: LogFeed, eventLoop: any EventLoop) {
        self.feed = feed
        self.eventLoop = eventLoop
    }

    var count: Int { subscriptions.count }

    /// From here on the subscription gets events.
    func add(_ subscription: LogSubscription) {
        if subscriptions.isEmpty { feed.join(NIOLoopBound(self, eventLoop: eventLoop)) }
        subscriptions[ObjectIdentifier(subscription)] = subscription
        if subscription.isGzip { gzipCount += 1 }
    }

    func remove(_ subscription: LogSubscription) {
        guard subscriptions.removeValue(forKey: ObjectIdentifier(subscription)) != nil else { return }
        missed += subscription.missed
        if subscriptions.isEmpty { feed.leave(eventLoop) }
        if subscription.isGzip { gzipCount -= 1 }
        if gzipCount == 0 { compressor = nil }
    }

    func deliver(_ events: Events) {
        batches += 1
        let batch = LogBatch(events, number: batches, for: self)
        for subscription in subscriptions.values { subscription.deliver(batch) }
        while heldBytes > Self.capacity, let oldest = subscriptions.values.lazy.compactMap(\.oldest).min() {
            for subscription in subscriptions.values where subscription.oldest == oldest { subscription.cutOff() }
        }
    }

    /// Events as a client gets them that takes gzip.
    func compressed(_ events: Events) -> GzipPiece {
        let compressor = compressor ?? LogCompressor()
        self.compressor = compressor
        return events.gzip.of(events.lines, by: compressor)
    }

    /// Counts events that a follower was told that it missed.
    func told(missed: Int) {
        self.missed += missed
    }

    /// Ends the subscriptions of those who may not follow the log any more.
    func recheck(_ isAllowed: (LogSubscription) -> Bool) {
        for subscription in Array(subscriptions.values) where !isAllowed(subscription) { subscription.end() }
    }
}
