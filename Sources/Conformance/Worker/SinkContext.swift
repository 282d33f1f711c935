import Glibc
import NIOConcurrencyHelpers
import PluginAPI

/// What stands behind a sink during one call, and for a while after, to notice a plugin that comes back to it.
final class SinkContext: Sendable {
    private struct State {
        var writes: [[UInt8]] = []
        var isOpen = true
        var problem: String?
    }

    private let state = NIOLockedValueBox(State())
    private let thread = pthread_self()
    /// Told of calls that come after the function has returned.
    private let late: @Sendable () -> Void

    init(late: @escaping @Sendable () -> Void) { self.late = late }

    /// The sink, whose context is this object, unretained: it must be kept until nobody can call it.
    var sink: keswick_sink {
        keswick_sink(
            context: Unmanaged.passUnretained(self).toOpaque(),
            write: { context, bytes in
                guard let context else { return }
                // The plugin hands back what it got; `Recent` keeps the object alive well beyond the call.
                Unmanaged<SinkContext>.fromOpaque(context).takeUnretainedValue().receive(bytes)
            })
    }

    private func receive(_ bytes: keswick_bytes) {
        // A pointer that cannot be read crashes here, which is the plugin's crash.
        // `size_t` is `Int` here, and an error's -1 negative.
        let copy = bytes.data.map { Array(UnsafeBufferPointer(start: $0, count: max(bytes.size, 0))) } ?? []
        let isHere = pthread_equal(thread, pthread_self()) != 0
        let isOpen = state.withLockedValue { state in
            if state.problem == nil {
                if bytes.size < 0 {
                    state.problem = "gave \(UInt(bitPattern: bytes.size)) bytes, more than there can be"
                } else if bytes.data == nil, bytes.size != 0 {
                    state.problem = "gave \(counted(bytes.size, "byte")) at NULL"
                }
                if !isHere { state.problem = "was called on another thread than its own" }
            }
            if state.isOpen { state.writes.append(copy) }
            return state.isOpen
        }
        if !isOpen { late() }
    }

    /// What was written until now; what comes later is late.
    func close() -> (writes: [[UInt8]], problem: String?) {
        state.withLockedValue { state in
            state.isOpen = false
            defer { state.writes = [] }
            return (state.writes, state.problem)
        }
    }
}

/// Keeps the latest contexts alive, so that a sink that is called too late is noticed and does no harm.
final class Recent: Sendable {
    private let contexts = NIOLockedValueBox<(ring: [SinkContext], next: Int)>(([], 0))
    private static let capacity = 512

    func keep(_ context: SinkContext) {
        contexts.withLockedValue { contexts in
            if contexts.ring.count < Self.capacity {
                contexts.ring.append(context)
            } else {
                contexts.ring[contexts.next] = context
                contexts.next = (contexts.next + 1) % Self.capacity
            }
        }
    }
}
