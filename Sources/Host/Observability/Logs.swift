import Envelope
import Logging

/// The server's two logs, each behind a thread that writes it. What goes to them is the configuration's to say, and may change.
struct Logs: Sendable {
    /// Where clients follow them.
    let feeds = LogFeeds()
    /// For the error log.
    let logger: Logger
    private let errorLog: ErrorLog
    private let errors: LineWriter
    private let events: LineWriter

    /// - Parameters:
    ///   - output: The file descriptor for audit events.
    ///   - errors: The file descriptor for the error log.
    init(output: Int32, errors: Int32, figures: ServerFigures) {
        let errorLines = LineWriter(descriptor: errors) { count in
            Array("\(Timestamp.now()) WARNING \(count) lines of the error log were lost: nothing reads standard error\n".utf8)
        }
        self.errors = errorLines
        errorLog = ErrorLog(output: errorLines, feed: feeds.error, onError: figures.errorLogged) { .now() }
        logger = errorLog.logger
        events = LineWriter(descriptor: output) { count in
            let line = "\(Timestamp.now()) ERROR \(count) audit events were lost: nothing reads standard output\n"
            errorLines.write { $0.append(contentsOf: line.utf8) }
            return []
        }
    }

    /// Which events of the error log are written from now on.
    func use(_ levels: LogLevels) {
        errorLog.use(levels.error)
    }

    func audit(_ levels: LogLevels) -> AuditTrail {
        AuditTrail(output: levels.audit == nil ? nil : events, feed: feeds.audit) { .now() }
    }

    /// Writes out what waits.
    func close() {
        events.close(seconds: 5)
        errors.close(seconds: 5)
    }
}
