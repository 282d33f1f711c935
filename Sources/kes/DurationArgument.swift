import ArgumentParser
import Host

/// A duration on the command line, as Go writes them: `720h`, `1h30m`, `1.5s`, `250ms`. Zero or more.
struct DurationArgument: ExpressibleByArgument {
    let value: Duration

    init(hours: Int64) {
        value = .seconds(hours * 3600)
    }

    init(seconds: Int64) {
        value = .seconds(seconds)
    }

    init?(argument: String) {
        guard let value = try? GoDuration.parse(argument) else { return nil }
        self.value = value
    }

    var defaultValueDescription: String {
        let seconds = value.components.seconds
        return seconds.isMultiple(of: 3600) ? "\(seconds / 3600)h" : "\(seconds)s"
    }
}
