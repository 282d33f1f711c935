import FoundationEssentials
import Host

/// An event of a server's log, for a person to read.
enum LogEvent {
    private struct Message: Decodable {
        let message: String
    }

    /// The text of a line of the error log. One that is not an event stays as it is.
    static func message(_ line: String) -> String {
        OperatorText.escaped((try? JSONDecoder().decode(Message.self, from: Data(line.utf8)))?.message ?? line)
    }
}
