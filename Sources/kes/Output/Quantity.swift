/// Numbers for people to read.
enum Quantity {
    /// `12,345`.
    static func count(_ value: Double) -> String {
        let digits = "\(Int64(min(max(value.rounded(), -1e18), 1e18)))"
        var result = ""
        for (index, digit) in digits.enumerated() {
            let left = digits.count - index
            if index > 0, left.isMultiple(of: 3), result != "-" { result += "," }
            result.append(digit)
        }
        return result
    }

    /// A rate, with a decimal as long as it is small.
    static func rate(_ value: Double) -> String {
        guard value > 0, value < 10 else { return count(value) }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// `24.1 MiB`.
    static func size(_ bytes: Double) -> String {
        var (value, unit) = (max(bytes, 0), 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return unit == 0 ? "\(count(value)) B" : "\(rateOrCount(value)) \(units[unit])"
    }

    private static func rateOrCount(_ value: Double) -> String { value < 100 ? oneDecimal(value) : count(value) }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// The bound of a histogram's bucket: `250 µs`, `1.5 s`; a dash for none.
    static func latency(_ seconds: Double?) -> String {
        guard let seconds else { return "-" }
        guard seconds.isFinite else { return "> 10 s" }
        if seconds < 0.001 { return "< \(short(seconds * 1_000_000)) µs" }
        return seconds < 1 ? "< \(short(seconds * 1000)) ms" : "< \(short(seconds)) s"
    }

    private static func short(_ value: Double) -> String {
        let rounded = value.rounded()
        return abs(value - rounded) < 0.001 ? count(rounded) : oneDecimal(value)
    }

    /// `2 d 3 h`.
    static func uptime(_ seconds: UInt64) -> String {
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60)
        if days > 0 { return "\(days) d \(hours) h" }
        if hours > 0 { return "\(hours) h \(minutes) min" }
        return minutes > 0 ? "\(minutes) min \(seconds % 60) s" : "\(seconds) s"
    }

    /// `99 %`; a dash for a share of nothing.
    static func share(_ part: Double, of whole: Double) -> String {
        whole > 0 ? "\(count(100 * part / whole)) %" : "-"
    }
}
