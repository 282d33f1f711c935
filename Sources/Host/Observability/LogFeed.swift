import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// A log that clients can follow.
enum LogKind: String, Sendable, CaseIterable {
    case audit
    case error
}

/// The feeds of all logs.
struct LogFeeds: Sendable {
    let audit = LogFeed()
    let error = LogFeed()

    subscript(log: LogKind) -> LogFeed {
        switch log {
        case .audit: audit
        case .error: error
        }
    }
}

/// Brings the events of a log to the clients that follow it, whatever thread an event comes from and whichever event loop a client is on.
///
/// An event is written once, as a line; all followers share its bytes. The first event after a pause goes out at once. Those that come
/// right after it go out together a moment later: a server that answers thousands of requests in a second must not write to each
/// follower thousands of times.
final class LogFeed: Sendable {
    private struct State {
        /// The followers of each event loop that has any.
        var loops: [NIOLoopBound<LogFollowers>] = []
        var pending = ByteBuffer()
        var count = 0
        /// Events for which `pending` had no room.
        var missed = 0
        var delivery = Delivery.none
        var lastDelivery = NIODeadline.uptimeNanoseconds(0)
    }

    private enum Delivery {
        case none
        case later
        case now
    }

    private let state = NIOLockedValueBox(State())
    private let isFollowed = Atomic(false)

    /// How long events are collected after others went out.
    private static let interval = TimeAmount.milliseconds(50)
    /// Bytes that go out without waiting for more.
    private static let batch = 256 * 1024
    /// Bytes that may wait here.
    private static let capacity = 1 << 20

    /// Whether anyone would get an event. What is not is not worth writing.
    var hasFollowers: Bool { isFollowed.load(ordering: .relaxed) }

    /// Adds events: `write` appends their lines. Never waits.
    func publish(count: Int = 1, _ write: (inout ByteBuffer) -> Void) {
        state.withLockedValue { state in
            guard let loop = state.loops.first?.eventLoop else { return }
            if state.pending.readableBytes >= Self.capacity {
                state.missed += count
            } else {
                write(&state.pending)
                state.count += count
            }
            switch state.delivery {
            case .none:
                let next = state.lastDelivery + Self.interval
                if next > .now() {
                    state.delivery = .later
                    loop.scheduleTask(deadline: next) { self.flush() }
                } else {
                    state.delivery = .now
                    loop.execute { self.flush() }
                }
            case .later where state.pending.readableBytes >= Self.batch:
                state.delivery = .now
                loop.execute { self.flush() }
            case .later, .now:
                break
            }
        }
    }

    /// From here on the followers of an event loop get events.
    func join(_ followers: NIOLoopBound<LogFollowers>) {
        state.withLockedValue { state in
            state.loops.append(followers)
            isFollowed.store(true, ordering: .relaxed)
        }
    }

    /// The last follower of an event loop has gone.
    func leave(_ eventLoop: any EventLoop) {
        state.withLockedValue { state in
            state.loops.removeAll { $0.eventLoop === eventLoop }
            guard state.loops.isEmpty else { return }
            isFollowed.store(false, ordering: .relaxed)
            state.pending = ByteBuffer()
            (state.count, state.missed) = (0, 0)
        }
    }

    /// Hands what waits to each event loop with followers.
    func flush() {
        state.withLockedValue { state in
            state.delivery = .none
            guard state.count + state.missed > 0 else { return }
            state.lastDelivery = .now()
            let events = LogFollowers.Events(lines: state.pending, count: state.count, missed: state.missed)
            state.pending = ByteBuffer()
            (state.count, state.missed) = (0, 0)
            for followers in state.loops { followers.eventLoop.execute { followers.value.deliver(events) } }
        }
    }
}
