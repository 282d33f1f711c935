/// The keystores that reloads have replaced, until they are closed.
final class RetiredKeystores: Sendable {
    private let open = Monitor<[OpenKeystore]>([])
    private let changed = Condition()

    /// How long the calls that a replaced keystore still has, and its close, may take: longer than any request that needs it.
    private static let limit = Duration.seconds(60)

    /// Closes a keystore on a thread of its own.
    func retire(_ keystore: OpenKeystore) {
        open.withLock { $0.append(keystore) }
        let isStarted = DetachedThread.start("keystore-retire") { [self] in
            keystore.close(within: Self.limit)
            remove(keystore)
        }
        if !isStarted {
            // Requests that need the old keystore for long are less important than the signals that wait for this thread.
            keystore.close()
            remove(keystore)
        }
    }

    private func remove(_ keystore: OpenKeystore) {
        open.withLock { $0.removeAll { $0 === keystore } }
        changed.broadcast()
    }

    /// Blocks until all are closed, but not beyond `deadline`, and returns those that are not.
    func wait(until deadline: MonotonicTime) -> [OpenKeystore] {
        open.wait(for: changed) { open in
            open.isEmpty || MonotonicTime.now >= deadline ? .done(open) : .wait(until: deadline)
        }
    }
}
