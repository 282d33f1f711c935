import NIOCore
import Synchronization

/// Which connections an endpoint has had, so that of a request whose time is over it is known when it cannot have been sent.
final class ConnectionHistory: Sendable {
    /// A moment of the history.
    struct Moment: Sendable {
        fileprivate let opened: Int
        fileprivate let isAnyOpen: Bool
    }

    private let opened = Atomic<Int>(0)
    private let closed = Atomic<Int>(0)

    /// Takes note of a connection that requests can be given to from now on.
    func note(_ channel: any Channel) {
        opened.add(1, ordering: .sequentiallyConsistent)
        // The one reference that it takes keeps no connection alive: it goes when the connection closes.
        channel.closeFuture.whenComplete { _ in self.closed.add(1, ordering: .sequentiallyConsistent) }
    }

    var now: Moment {
        // In this order: as many opened as were closed before them means that none was open in between.
        let closed = closed.load(ordering: .sequentiallyConsistent)
        let opened = opened.load(ordering: .sequentiallyConsistent)
        return Moment(opened: opened, isAnyOpen: opened != closed)
    }

    /// Whether there was no connection at `moment` and none has come since. What is false may only be late: a connection counts as open
    /// until its end is told of.
    func hadNoConnection(since moment: Moment) -> Bool {
        !moment.isAnyOpen && opened.load(ordering: .sequentiallyConsistent) == moment.opened
    }
}
