import PluginAPI
import SecureBytes

/// What a sink receives during one call of a plugin's function. Used on the thread that makes the call, and by nobody after.
///
/// A plugin that breaks the rules of its sink gets a `problem`, which fails the call whatever the function returns.
class SinkReceiver {
    private(set) var problem: String?
    fileprivate var writes = 0

    fileprivate func report(_ problem: String) {
        if self.problem == nil { self.problem = problem }
    }

    fileprivate func receive(_ bytes: UnsafeRawBufferPointer) {}

    /// Lends the sink to `body`, valid until it returns.
    final func withSink<Result>(_ body: (keswick_sink) -> Result) -> Result {
        withExtendedLifetime(self) {
            // The receiver outlives `body`, and so the unretained pointer, by the line above.
            let context = Unmanaged.passUnretained(self).toOpaque()
            return body(
                keswick_sink(
                    context: context,
                    write: { context, bytes in
                        // The plugin hands back the context that it got, as the header demands.
                        guard let context else { return }
                        let receiver = Unmanaged<SinkReceiver>.fromOpaque(context).takeUnretainedValue()
                        receiver.writes += 1
                        guard bytes.data != nil || bytes.size == 0 else {
                            receiver.report("it gave \(Plural.count(bytes.size, "byte")) at NULL")
                            return
                        }
                        receiver.receive(UnsafeRawBufferPointer(start: bytes.data, count: bytes.size))
                    }))
        }
    }
}

/// Receives the message that explains a failure.
final class MessageReceiver: SinkReceiver {
    private(set) var message = ""

    override fileprivate func receive(_ bytes: UnsafeRawBufferPointer) {
        // More than one message breaks the rules, but is no reason to lose what the first one says.
        if writes == 1 { message = OperatorText.decode(bytes) }
    }
}

/// Receives the value that `get` reads.
final class ValueReceiver: SinkReceiver {
    private(set) var value: SecretBytes?

    override fileprivate func receive(_ bytes: UnsafeRawBufferPointer) {
        if writes > 1 { return report("get gave more than one value") }
        if bytes.count > Int(KESWICK_VALUE_MAX) { return report("get gave a value of \(bytes.count) bytes, more than 1 MiB") }
        value = SecretBytes(copying: bytes)
    }
}

/// Receives the names that `list` finds, and checks that they are what was asked for.
final class NamesReceiver: SinkReceiver {
    private(set) var names: [String] = []
    private let prefix: String
    private var last: String
    private let limit: Int

    init(prefix: String, after: String, limit: Int) {
        self.prefix = prefix
        last = after
        self.limit = limit
    }

    override fileprivate func receive(_ bytes: UnsafeRawBufferPointer) {
        guard problem == nil else { return }
        if names.count == limit { return report("list gave more than the \(limit) names asked for") }
        // Checked before it becomes a string: `KeystoreName` allows nothing that a log or a comparison could trip over.
        guard KeystoreName.isValid(bytes) else { return report("list gave a name that the interface does not allow") }
        let name = String(decoding: bytes, as: UTF8.self)
        guard name.hasPrefix(prefix) else { return report("list gave '\(name)', which does not begin with '\(prefix)'") }
        // Names are ASCII, for which String's order is bytewise.
        guard name > last else { return report("list gave '\(name)' after '\(last)', which is not ascending order") }
        last = name
        names.append(name)
    }
}
