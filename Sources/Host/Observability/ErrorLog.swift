import Envelope
import Logging

/// The error log: one human-readable line for each event, written to standard error without holding up who logs.
package struct ErrorLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let output: LineWriter
    private let onError: @Sendable () -> Void
    private let now: @Sendable () -> Timestamp

    /// - Parameter onError: Called for each event of the level ERROR, on any thread.
    package init(
        level: Logger.Level, output: LineWriter, onError: @escaping @Sendable () -> Void, now: @escaping @Sendable () -> Timestamp
    ) {
        logLevel = level
        self.output = output
        self.onError = onError
        self.now = now
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        if event.level >= .error { onError() }
        var line = "\(now()) \(event.level.rawValue.uppercased()) \(Self.oneLine("\(event.message)"))"
        let details = metadata.merging(event.metadata ?? [:]) { _, new in new }
        for (name, value) in details.sorted(by: { $0.key < $1.key }) {
            line += " \(name)=\(Self.oneLine("\(value)"))"
        }
        line += "\n"
        output.write { $0.append(contentsOf: line.utf8) }
    }

    /// A logger for a `log.error` level of the configuration; nil logs nothing.
    package static func logger(
        level: LogLevels.Level?, output: LineWriter, onError: @escaping @Sendable () -> Void = {},
        now: @escaping @Sendable () -> Timestamp
    ) -> Logger {
        guard let level else { return Logger(label: "kes") { _ in SwiftLogNoOpLogHandler() } }
        return Logger(label: "kes") { _ in ErrorLog(level: level.loggerLevel, output: output, onError: onError, now: now) }
    }

    /// Clients choose parts of what is logged, such as paths: no line of theirs may look like one of the server's.
    private static func oneLine(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
        return String(
            text.unicodeScalars.map { scalar in
                scalar.value < 0x20 || scalar.value == 0x7f ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
            }.joined())
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
