import Glibc
import NIOConcurrencyHelpers
import PluginAPI

/// The sinks that plugins may call at the moment.
///
/// What a plugin gets as a sink's context is a number, and no sink has the number of another: whoever comes back to one whose call has
/// returned, or comes on another thread, neither touches memory that is free nor gives one call's value to another.
enum OpenSinks {
    private struct Entry: @unchecked Sendable {
        // `@unchecked Sendable` holds because the receiver is given out on the thread that opened the sink only.
        let receiver: SinkReceiver
        let thread: pthread_t
        var isMisused = false
    }

    private struct State {
        var entries: [UInt: Entry] = [:]
        var opened: UInt = 0
    }

    private enum Place {
        case here(SinkReceiver)
        case onAnotherThread
        case nowhere
    }

    private static let state = NIOLockedValueBox(State())

    /// The number's lower bits count sinks, a million in each second for eight years; those above say whose plugin has it.
    private static let countBits: UInt = 48

    static func open(_ receiver: SinkReceiver, of services: HostServices?) -> keswick_sink {
        let number = state.withLockedValue { state in
            state.opened += 1
            let number = ((services?.number ?? 0) << countBits) | state.opened & ((1 << countBits) - 1)
            state.entries[number] = Entry(receiver: receiver, thread: pthread_self())
            return number
        }
        return keswick_sink(
            context: UnsafeMutableRawPointer(bitPattern: number),
            write: { context, bytes in OpenSinks.write(UInt(bitPattern: context), bytes) })
    }

    /// Whether the sink was called on another thread than the one that opened it; nothing of that has reached the receiver.
    static func close(_ sink: keswick_sink) -> Bool {
        state.withLockedValue { $0.entries.removeValue(forKey: UInt(bitPattern: sink.context)) }?.isMisused ?? false
    }

    private static func write(_ number: UInt, _ bytes: keswick_bytes) {
        let place = state.withLockedValue { state -> Place in
            guard let entry = state.entries[number] else { return .nowhere }
            guard pthread_equal(entry.thread, pthread_self()) != 0 else {
                state.entries[number]?.isMisused = true
                return .onAnotherThread
            }
            return .here(entry.receiver)
        }
        switch place {
        case .here(let receiver): receiver.write(bytes)
        case .onAnotherThread: return
        case .nowhere:
            HostServices.log(
                .error, "the plugin breaks its contract: it called a sink after the call that it was for; nothing of it is used",
                number: number >> countBits)
        }
    }
}

extension keswick_bytes {
    /// Why this is no view of bytes; nil when it may be one.
    var problem: String? {
        // What C has as `size_t` is an `Int` here: more than half of all addresses, such as an error's -1, is negative.
        if size < 0 { return "it gave \(UInt(bitPattern: size)) bytes, more than there can be" }
        if data == nil, size > 0 { return "it gave \(Plural.count(size, "byte")) at NULL" }
        return nil
    }
}
