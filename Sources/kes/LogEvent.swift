import FoundationEssentials
import KESClient

/// An event of a server's log, for a person to read.
enum LogEvent {
    private struct Audit: Decodable {
        struct Request: Decodable {
            let ip: String?
            let path: String
            let identity: String?
        }

        struct Response: Decodable {
            let code: Int
            /// In nanoseconds.
            let time: Int64
        }

        let time: String
        let request: Request
        let response: Response
    }

    private struct Message: Decodable {
        let message: String
    }

    /// One line of text. A line that is not an event, such as a notice of missed ones, stays as it is.
    static func text(of line: String, _ log: ServerLog, _ output: Output) -> String {
        let data = Data(line.utf8)
        switch log {
        case .error:
            guard let event = try? JSONDecoder().decode(Message.self, from: data) else { return printable(line) }
            return printable(event.message)
        case .audit:
            guard let event = try? JSONDecoder().decode(Audit.self, from: data) else { return printable(line) }
            let status = (200..<400).contains(event.response.code) ? output.green : output.red
            let identity = event.request.identity.map { $0.prefix(10) + "…" } ?? "no identity"
            return [
                output.faint(printable(event.time)), status("\(event.response.code)"), printable(event.request.ip ?? "-"),
                printable(String(identity)), "\(event.response.time / 1000) µs", output.bold(printable(event.request.path)),
            ].joined(separator: "  ")
        }
    }

    // A path is what a client chose: control characters in it must not reach the terminal.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{fffd}" : $0 }))
    }
}
