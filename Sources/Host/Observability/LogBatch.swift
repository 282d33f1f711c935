import NIOCore

/// Events on their way to the followers of an event loop, in each coding that one of them takes. Belongs to the loop.
final class LogBatch {
    let events: LogFollowers.Events
    private let number: Int
    private let followers: LogFollowers

    /// - Parameter number: Later batches of the loop have higher ones.
    init(_ events: LogFollowers.Events, number: Int, for followers: LogFollowers) {
        self.events = events
        self.number = number
        self.followers = followers
    }

    private(set) lazy var plain = SharedLines(events.lines, number: number, for: followers)

    private(set) lazy var gzip = {
        let piece = followers.compressed(events)
        return (piece: piece, lines: SharedLines(piece.bytes, number: number, for: followers))
    }()
}

/// Events in one coding, in memory once for all followers of an event loop who have not taken them yet. Belongs to the loop, which counts
/// what they occupy.
final class SharedLines {
    let bytes: ByteBuffer
    /// Of the batch that they are.
    let number: Int
    private let followers: LogFollowers

    fileprivate init(_ bytes: ByteBuffer, number: Int, for followers: LogFollowers) {
        self.bytes = bytes
        self.number = number
        self.followers = followers
        followers.heldBytes += bytes.storageCapacity
    }

    deinit {
        followers.heldBytes -= bytes.storageCapacity
    }
}
