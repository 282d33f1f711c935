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
    ///
    /// - Parameter services: of the plugin that gets it, whose log says when it is called later.
    final func withSink<Result>(of services: HostServices? = nil, _ body: (keswick_sink) -> Result) -> Result {
        let sink = OpenSinks.open(self, of: services)
        defer { if OpenSinks.close(sink) { report("it called a sink on another thread than the one that got it") } }
        return body(sink)
    }

    /// What the plugin has written to the sink.
    final func write(_ bytes: keswick_bytes) {
        writes += 1
        if let problem = bytes.problem { return report(problem) }
        receive(UnsafeRawBufferPointer(start: bytes.data, count: bytes.size))
    }
}

/// Receives the message that explains a failure.
final class MessageReceiver: SinkReceiver {
    private var text = ""

    /// What the operator is told: the message, or why there is none.
    var message: String {
        guard text.isEmpty, let problem else { return text }
        return "the plugin breaks its contract with the message: \(problem)"
    }

    override fileprivate func receive(_ bytes: UnsafeRawBufferPointer) {
        // More than one message breaks the rules, but is no reason to lose what the first one says.
        if writes == 1 { text = OperatorText.decode(bytes) }
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
