import ArgumentParser
import Host

/// A duration on the command line, as Go writes them: `720h`, `1h30m`, `1.5s`, `250ms`. Zero or more.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
    let value: Duration
    /// As it was written.
    let description: String

    init(hours: Int64) {
        value = .seconds(hours * 3600)
        description = "\(hours)h"
    }

    init(seconds: Int64) {
        value = .seconds(seconds)
        description = "\(seconds)s"
    }

    init?(argument: String) {
        guard let value = try? GoDuration.parse(argument) else { return nil }
        self.value = value
        description = argument
    }

    var defaultValueDescription: String { description }
}
