import Logging

/// Leaves lines of the error log out where too many come from one place in the program, and counts them.
///
/// What is logged there is others' to cause: strangers who break off TLS handshakes, clients that ask for what they may not have, plugins.
/// None of them may fill the disk, or make the system's journal, which has a limit for the whole program, drop what matters.
package struct LineLimit {
    /// For each place, one more than a plugin's process has, whose last one says how many more there were.
    package static let linesInASecond = OutputLines.linesInASecond + 1

    /// A line as the log gets it.
    package struct Line: Sendable {
        package var event: LogEvent
        package var metadata: Logger.Metadata
        /// How many lines from the same place were left out before it.
        package fileprivate(set) var leftOut = 0

        package init(_ event: LogEvent, _ metadata: Logger.Metadata) {
            self.event = event
            self.metadata = metadata
        }
    }

    private struct Place: Hashable {
        var file: String
        var line: UInt
    }

    private struct Second {
        var number: UInt64
        var lines = 0
        /// The last line that was left out, with the number of those before it.
        var last: Line?
    }

    private var places: [Place: Second] = [:]

    package init() {}

    /// - Returns: The lines to write: one of a second before it that was left out, and this one, unless it is left out itself.
    package mutating func admit(_ line: Line, at now: MonotonicTime) -> [Line] {
        switch line.event.level {
        // `debug` was asked for. A notice is the only word of what an administrator, or the server itself, has changed.
        case .trace, .debug, .notice, .critical: return [line]
        case .info, .warning, .error: break
        }
        let place = Place(file: line.event.file, line: line.event.line)
        var second = places[place] ?? Second(number: 0)
        defer { places[place] = second }
        let number = now.nanoseconds / 1_000_000_000
        var admitted: [Line] = []
        if second.number != number {
            if let last = second.last { admitted.append(last) }
            second = Second(number: number)
        }
        second.lines += 1
        if second.lines <= Self.linesInASecond {
            admitted.append(line)
        } else {
            var line = line
            line.leftOut = second.last.map { $0.leftOut + 1 } ?? 0
            second.last = line
        }
        return admitted
    }

    /// What was left out in seconds that are over, for each place as its last line.
    package mutating func settle(at now: MonotonicTime) -> [Line] {
        let number = now.nanoseconds / 1_000_000_000
        var settled: [Line] = []
        for (place, second) in places where second.number != number {
            if let last = second.last { settled.append(last) }
            places[place] = nil
        }
        return settled
    }
}
