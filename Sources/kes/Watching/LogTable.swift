import Host
import KESClient

/// The events of a server's log as the rows of a table that fits the terminal, one line each.
///
/// Rows are written one after the other, and not to a screen of their own: what has scrolled away stays in the terminal's memory, where
/// it can be searched and copied.
struct LogTable {
    private let log: ServerLog
    private let output: Output

    init(_ log: ServerLog, _ output: Output) {
        self.log = log
        self.output = output
    }

    /// How wide the columns are. What is left is the path's.
    private struct Widths {
        let time: Int
        let latency = 8
        let identity: Int
        let address: Int
        let path: Int

        init(columns: Int) {
            let isWide = columns >= 110
            time = isWide ? "2026-01-02 03:04:05.678".count : "03:04:05".count
            identity = isWide ? 16 : 8
            address = 15
            path = max(16, columns - (time + 3 + latency + identity + address + 5 * 2))
        }
    }

    /// What stands above the rows; empty for the error log, whose lines are text.
    var heading: String {
        guard log == .audit else { return "" }
        let widths = Widths(columns: TerminalSize.current.columns)
        let cells = [
            Self.fit("TIME", widths.time), "   ", Self.fit("LATENCY", widths.latency, isRight: true),
            Self.fit("IDENTITY", widths.identity),
            Self.fit("ADDRESS", widths.address), "PATH",
        ]
        return output.bold(cells.joined(separator: "  ")) + "\n"
    }

    /// The row of a line of the log. A line that is not an event, such as a notice of missed ones, is shown as it is.
    func row(_ line: String) -> String {
        guard log == .audit else { return LogEvent.message(line) }
        guard let event = AuditEvent(line) else { return OperatorText.escaped(line) }
        let widths = Widths(columns: TerminalSize.current.columns)
        let style =
            switch event.status {
            case ..<400: output.green
            case ..<500: output.yellow
            default: output.red
            }
        return [
            output.faint(Self.fit(Self.time(event.time, widths.time), widths.time)), style("\(event.status)"),
            Self.fit(Self.latency(event.duration), widths.latency, isRight: true),
            Self.fit(event.identity ?? "-", widths.identity), Self.fit(event.address ?? "-", widths.address),
            output.bold(Self.cut(Self.ascii(event.path), widths.path)),
        ].joined(separator: "  ")
    }

    /// `2026-01-02T03:04:05.678901Z` as `2026-01-02 03:04:05.678` or `03:04:05`. All times are UTC.
    private static func time(_ time: Timestamp, _ width: Int) -> String {
        let text = time.description
        guard let separator = text.firstIndex(of: "T") else { return text }
        var clock = text[text.index(after: separator)...].prefix { $0 != "Z" }
        if width <= 8 { return String(clock.prefix(8)) }
        // Trailing zeros are left out in the log.
        if clock.count == 8 { clock += "." }
        while clock.count < 12 { clock += "0" }
        return "\(text[..<separator]) \(clock.prefix(12))"
    }

    private static func latency(_ duration: Duration) -> String {
        let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        if microseconds < 10_000 { return "\(microseconds) µs" }
        return microseconds < 10_000_000 ? "\(microseconds / 1000) ms" : "\(microseconds / 1_000_000) s"
    }

    /// Exactly `width` columns of text that is ASCII, or nearly so.
    private static func fit(_ text: String, _ width: Int, isRight: Bool = false) -> String {
        let cut = cut(text, width)
        let padding = String(repeating: " ", count: width - cut.count)
        return isRight ? padding + cut : cut + padding
    }

    private static func cut(_ text: String, _ width: Int) -> String {
        text.count <= width ? text : text.prefix(width - 1) + "…"
    }

    // A client chose the path. What is not printable ASCII is shown percent-encoded: nothing of it reaches the terminal as a command, and
    // each character takes one column.
    private static func ascii(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if (0x20...0x7e).contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
