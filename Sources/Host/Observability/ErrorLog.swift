import Envelope
import Logging
import NIOConcurrencyHelpers
import NIOCore
import SecureBytes
import Synchronization

/// The error log: one human-readable line for each event, on its way to standard error and to the clients that follow it, without
/// holding up who logs. Too many lines from one place are left out, and counted.
package final class ErrorLog: Sendable {
    private let output: LineWriter
    private let feed: LogFeed
    private let onError: @Sendable () -> Void
    private let now: @Sendable () -> Timestamp
    private let clock: @Sendable () -> MonotonicTime
    private let limit = NIOLockedValueBox(LineLimit())
    /// What goes to standard error: a `LogLevels.Level`, or `off`.
    private let level: Synchronization.Atomic<Int>

    private static let off = Int.max

    /// - Parameter onError: Called for each event of the level ERROR, on any thread.
    init(
        output: LineWriter, feed: LogFeed = LogFeed(), onError: @escaping @Sendable () -> Void = {},
        now: @escaping @Sendable () -> Timestamp, clock: @escaping @Sendable () -> MonotonicTime = { .now }
    ) {
        self.output = output
        self.feed = feed
        self.onError = onError
        self.now = now
        self.clock = clock
        level = Synchronization.Atomic(Self.off)
    }

    /// A log that nobody follows.
    ///
    /// - Parameter clock: What the limit of lines in a second goes by.
    package convenience init(
        level: LogLevels.Level?, output: LineWriter, now: @escaping @Sendable () -> Timestamp,
        clock: @escaping @Sendable () -> MonotonicTime = { .now }
    ) {
        self.init(output: output, feed: LogFeed(), now: now, clock: clock)
        use(level)
    }

    /// What is logged from now on, also by loggers that were made before; nil for nothing.
    func use(_ level: LogLevels.Level?) {
        self.level.store(level?.rawValue ?? Self.off, ordering: .relaxed)
    }

    package var logger: Logger { Logger(label: "kes") { _ in Handler(log: self) } }

    /// The level from which on events are written. Where standard error gets none, those who follow the log get what they would by default.
    private var threshold: Logger.Level {
        if let level = LogLevels.Level(rawValue: level.load(ordering: .relaxed)) { return level.loggerLevel }
        return feed.hasFollowers ? .info : .critical
    }

    /// Tells of lines that were left out in seconds that are over, or of all of them. Called about once a second.
    package func tellLeftOut(all: Bool = false) {
        let now = all ? MonotonicTime(nanoseconds: .max) : clock()
        for line in limit.withLockedValue({ $0.settle(at: now) }) { put(line) }
    }

    private func write(_ event: LogEvent, _ metadata: Logger.Metadata) {
        if event.level >= .error { onError() }
        let details = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let now = clock()
        for line in limit.withLockedValue({ $0.admit(LineLimit.Line(event, details), at: now) }) { put(line) }
    }

    private func put(_ admitted: LineLimit.Line) {
        let event = admitted.event
        // Clients choose parts of what is logged, such as paths: no line of theirs may look like one of the server's.
        var line = "\(now()) \(event.level.rawValue.uppercased()) \(OperatorText.escaped("\(event.message)"))"
        for (name, value) in admitted.metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(name)=\(Self.quoted("\(value)"))"
        }
        if admitted.leftOut > 0 {
            line += " (and \(Plural.count(admitted.leftOut, "more line")) of this kind within a second)"
        }
        if feed.hasFollowers {
            var json = JSONWriter()
            json.object { $0.member("message", line) }
            json.newline()
            feed.publish { $0.writeImmutableBuffer(json.buffer) }
        }
        guard level.load(ordering: .relaxed) != Self.off else { return }
        line += "\n"
        output.write { $0.append(contentsOf: line.utf8) }
    }

    /// In quotes when it could pass for more than one value.
    private static func quoted(_ value: String) -> String {
        guard value.utf8.contains(where: { " \"=\\".utf8.contains($0) }) else { return OperatorText.escaped(value) }
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(OperatorText.escaped(escaped))\""
    }

    /// One logger's way to the log. The level is the log's, whenever it changes, unless the logger was given one of its own.
    private struct Handler: LogHandler {
        let log: ErrorLog
        var metadata: Logger.Metadata = [:]
        private var ownLevel: Logger.Level?

        init(log: ErrorLog) {
            self.log = log
        }

        var logLevel: Logger.Level {
            get { ownLevel ?? log.threshold }
            set { ownLevel = newValue }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.write(event, metadata)
        }
    }
}

extension LogLevels.Level {
    var loggerLevel: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
