import FoundationEssentials
import KESClient

/// An event of a server's log, for a person to read.
enum LogEvent {
    private struct Message: Decodable {
        let message: String
    }

    /// The text of a line of the error log. One that is not an event stays as it is.
    static func message(_ line: String) -> String {
        printable((try? JSONDecoder().decode(Message.self, from: Data(line.utf8)))?.message ?? line)
    }

    // A path is what a client chose: control characters in it must not reach the terminal.
    static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{fffd}" : $0 }))
    }
}
