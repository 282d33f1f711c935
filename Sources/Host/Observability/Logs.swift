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
    /// - Throws: `ServerError` when the system has no threads to give.
    init(output: Int32, errors: Int32, figures: ServerFigures) throws(ServerError) {
        // Of the error log itself only the metric tells for as long as it cannot be written.
        self.errors = try LineWriter(descriptor: errors, onLoss: { figures.eventsLost($0, of: .error) }) { loss in
            Array(
                "\(Timestamp.now()) WARNING \(Plural.were(loss.count, "line", "of the error log")) lost: standard error \(loss.reason)\n"
                    .utf8)
        }
        errorLog = ErrorLog(output: self.errors, feed: feeds.error, onError: figures.errorLogged) { .now() }
        let logger = errorLog.logger
        self.logger = logger
        // A full disk loses every event, in thousands of writes a second.
        let interval = LogInterval()
        do throws(ServerError) {
            events = try LineWriter(descriptor: output, onLoss: { figures.eventsLost($0, of: .audit) }) { loss in
                guard loss.isFinal || interval.isDue() else { return nil }
                logger.error("\(Plural.were(loss.count, "audit event")) lost: standard output \(loss.reason)")
                return []
            }
        } catch {
            self.errors.close(seconds: 1)
            throw error
        }
    }

    /// Which events of the error log are written from now on.
    func use(_ levels: LogLevels) {
        errorLog.use(levels.error)
    }

    func audit(_ levels: LogLevels) -> AuditTrail {
        AuditTrail(output: levels.audit == nil ? nil : events, feed: feeds.audit) { .now() }
    }

    /// Called about once a second.
    func keepUp() { errorLog.tellLeftOut() }

    /// Writes out what waits.
    func close() {
        errorLog.tellLeftOut(all: true)
        events.close(seconds: 5)
        errors.close(seconds: 5)
    }
}
