import Envelope
import Logging

/// The server's two logs, each behind a thread that writes it. What goes to them is the configuration's to say, and may change.
struct Logs: Sendable {
    private let errors: LineWriter
    private let events: LineWriter
    private let figures: ServerFigures

    /// - Parameters:
    ///   - output: The file descriptor for audit events.
    ///   - errors: The file descriptor for the error log.
    init(output: Int32, errors: Int32, figures: ServerFigures) {
        self.figures = figures
        let errorLines = LineWriter(descriptor: errors) { count in
            Array("\(Timestamp.now()) WARNING \(count) lines of the error log were lost: nothing reads standard error\n".utf8)
        }
        self.errors = errorLines
        events = LineWriter(descriptor: output) { count in
            let line = "\(Timestamp.now()) ERROR \(count) audit events were lost: nothing reads standard output\n"
            errorLines.write { $0.append(contentsOf: line.utf8) }
            return []
        }
    }

    func logger(_ levels: LogLevels) -> Logger {
        ErrorLog.logger(level: levels.error, output: errors, onError: figures.errorLogged) { .now() }
    }

    func audit(_ levels: LogLevels) -> AuditTrail {
        AuditTrail(output: levels.audit == nil ? nil : events) { .now() }
    }

    /// Writes out what waits.
    func close() {
        events.close(seconds: 5)
        errors.close(seconds: 5)
    }
}
