import NIOConcurrencyHelpers
import NIOCore

/// The workers of all event loops, for what concerns every one of them: bringing a snapshot into force, and asking each for its figures.
final class Workers: Sendable {
    private struct State {
        var workers: [NIOLoopBound<Worker>] = []
        /// The snapshot that came into force last; nil before the start and after the end.
        var api: API?
    }

    // Held while a snapshot is handed out, so that all loops get all snapshots in one order.
    private let state = NIOLockedValueBox(State())

    /// One for each event loop.
    var all: [NIOLoopBound<Worker>] { state.withLockedValue { $0.workers } }

    /// Makes a worker on each event loop, with its first snapshot. Blocks.
    func start(on group: any EventLoopGroup, api: API, limits: TransportLimits) throws {
        let workers = try group.makeIterator().map { loop in
            try loop.submit {
                let worker = Worker(eventLoop: loop, pipeline: RequestPipeline(api: api, eventLoop: loop), limits: limits)
                worker.start()
                return NIOLoopBound(worker, eventLoop: loop)
            }.wait()
        }
        state.withLockedValue { $0 = State(workers: workers, api: api) }
    }

    /// Brings another snapshot into force. The future is completed when it is the one of every event loop.
    func use(_ api: API, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        state.withLockedValue { Self.hand(out: api, &$0, on: eventLoop) }
    }

    /// Changes the rules in force by `change`, which is given the latest ones. The future is completed when every event loop has them.
    ///
    /// - Parameters:
    ///   - base: The snapshot in force on the event loop of the request for the change. When a reload has replaced it on others already,
    ///     the change is made to what was replaced, and gone with it: as if it had come a moment earlier.
    ///   - isAllowed: Whether the author may make the change under a later snapshot than `base`. Another event loop may just have taken
    ///     the right, and the change would come after that, and undo it.
    func changeRules(
        from base: API, on eventLoop: any EventLoop, isAllowed: (API) -> Bool,
        _ change: (AccessControl) throws(AccessError) -> AccessControl
    ) throws(AccessError) -> EventLoopFuture<Void> {
        let result = state.withLockedValue { state -> Result<EventLoopFuture<Void>, AccessError> in
            Result { () throws(AccessError) in
                guard let latest = state.api, latest.generation == base.generation else {
                    _ = try change(base.accessControl)
                    return eventLoop.makeSucceededVoidFuture()
                }
                guard latest.serial == base.serial || isAllowed(latest) else { throw .notAuthorized }
                let api = API(latest, accessControl: try change(latest.accessControl))
                return Self.hand(out: api, &state, on: eventLoop)
            }
        }
        return try result.get()
    }

    /// Asks each worker on its event loop.
    func collect<Value: Sendable>(
        on eventLoop: any EventLoop, _ body: @escaping @Sendable (Worker) -> Value
    ) -> EventLoopFuture<[Value]> {
        let parts = all.map { bound in bound.eventLoop.submit { body(bound.value) } }
        return EventLoopFuture.whenAllSucceed(parts, on: eventLoop)
    }

    /// Forgets the workers, which refer to this through their snapshot.
    func end() {
        state.withLockedValue { $0 = State() }
    }

    private static func hand(out api: API, _ state: inout State, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        state.api = api
        let handed = state.workers.map { bound in bound.eventLoop.submit { bound.value.use(api) } }
        return EventLoopFuture.andAllSucceed(handed, on: eventLoop)
    }
}
