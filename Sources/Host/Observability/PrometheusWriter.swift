import NIOCore

/// Writes the text format of Prometheus, version 0.0.4.
struct PrometheusWriter {
    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private(set) var buffer = ByteBuffer()
    private var name = ""

    init() {
        buffer.reserveCapacity(32 * 1024)
    }

    /// Begins a family of samples. `help` has no line break and no backslash.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        buffer.writeString("# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n")
    }

    /// A sample of the family.
    mutating func sample(_ value: some BinaryInteger, _ labels: KeyValuePairs<String, String> = [:]) {
        write(name, "\(value)", labels)
    }

    /// A family of one sample.
    mutating func single(_ name: String, _ kind: Kind, _ value: some BinaryInteger, _ help: String) {
        family(name, kind, help)
        sample(value)
    }

    /// The samples of one histogram, in seconds.
    ///
    /// - Parameter bounds: Which bounds are told, of those that are counted.
    mutating func histogram(
        _ histogram: Histogram, _ labels: KeyValuePairs<String, String> = [:], bounds: (Int64) -> Bool = { _ in true }
    ) {
        var count = 0
        for (index, bound) in Histogram.bounds.enumerated() {
            count += histogram.counts[index]
            if bounds(bound) { write("\(name)_bucket", "\(count)", labels, ("le", Self.seconds(bound))) }
        }
        write("\(name)_bucket", "\(histogram.count)", labels, ("le", "+Inf"))
        write("\(name)_sum", Self.seconds(histogram.nanoseconds), labels)
        write("\(name)_count", "\(histogram.count)", labels)
    }

    private mutating func write(
        _ name: String, _ value: String, _ labels: KeyValuePairs<String, String>, _ last: (String, String)? = nil
    ) {
        buffer.writeString(name)
        var separator = "{"
        for (label, text) in labels.map({ ($0.key, $0.value) }) + (last.map { [$0] } ?? []) {
            buffer.writeString("\(separator)\(label)=\"\(Self.escape(text))\"")
            separator = ","
        }
        buffer.writeString(separator == "{" ? " \(value)\n" : "} \(value)\n")
    }

    /// Nanoseconds as a decimal number of seconds, without rounding.
    private static func seconds(_ nanoseconds: Int64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return "\(whole)" }
        let digits = String(rest)
        let fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        return "\(whole).\(fraction.prefix(fraction.count - fraction.reversed().prefix { $0 == "0" }.count))"
    }

    private static func escape(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") })
        else { return text }
        return text.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
    }
}
