/// The text format of Prometheus, version 0.0.4, read as strictly as it is described: what a lenient reader forgives is an error here.
struct PrometheusText {
    struct Malformed: Error, CustomStringConvertible {
        var line: Int
        var problem: String
        var description: String { "line \(line): \(problem)" }
    }

    struct Sample {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Family {
        var name: String
        var kind: String
        var samples: [Sample] = []

        /// The names that a query may use.
        var queryNames: [String] { kind == "histogram" ? ["_bucket", "_sum", "_count"].map { name + $0 } : [name] }
    }

    private(set) var families: [Family] = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(line: 0, problem: "the last line does not end") }
        var helped: String?
        var known: Set<String> = []
        var series: Set<String> = []
        for (index, line) in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            func fail(_ problem: String) -> Malformed { Malformed(line: index + 1, problem: "\(problem): \(line)") }
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            if line.hasPrefix("# HELP ") {
                guard words.count == 4, !words[3].isEmpty, Self.isName(words[2]) else { throw fail("no help") }
                guard known.insert(String(words[2])).inserted else { throw fail("a family twice") }
                helped = String(words[2])
            } else if line.hasPrefix("# TYPE ") {
                guard words.count == 4, helped == String(words[2]) else { throw fail("a type without its help before it") }
                guard ["counter", "gauge", "histogram"].contains(words[3]) else { throw fail("no such type") }
                families.append(Family(name: String(words[2]), kind: String(words[3])))
                helped = nil
            } else {
                guard let sample = Self.sample(line) else { throw fail("no sample") }
                guard let family = families.last, helped == nil, Self.belongs(sample, to: family) else {
                    throw fail("a sample outside of its family")
                }
                guard series.insert("\(sample.name)\(sample.labels.sorted { $0.key < $1.key })").inserted else {
                    throw fail("a series twice")
                }
                guard family.kind == "gauge" || sample.value >= 0 else { throw fail("a counter below zero") }
                families[families.count - 1].samples.append(sample)
            }
        }
        for family in families where family.kind == "histogram" { try Self.check(family) }
    }

    /// The value of a series; nil when there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        families.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
    }

    private static func belongs(_ sample: Sample, to family: Family) -> Bool {
        guard family.kind == "histogram" else { return sample.name == family.name && sample.labels["le"] == nil }
        return family.queryNames.contains(sample.name) && (sample.labels["le"] != nil) == sample.name.hasSuffix("_bucket")
    }

    /// For each label set: buckets in ascending order and cumulative, the last `+Inf`, and equal to the count; and a sum.
    private static func check(_ family: Family) throws {
        var rest = family.samples[...]
        while let first = rest.first {
            func fail(_ problem: String) -> Malformed {
                Malformed(line: 0, problem: "\(family.name) \(first.labels): \(problem)")
            }
            let labels = first.labels.filter { $0.key != "le" }
            let buckets = rest.prefix { $0.name == "\(family.name)_bucket" && $0.labels.filter { $0.key != "le" } == labels }
            rest = rest.dropFirst(buckets.count)
            let bounds = buckets.map { $0.labels["le"] == "+Inf" ? Double.infinity : Double($0.labels["le"] ?? "") ?? .nan }
            guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }), bounds.last == .infinity else {
                throw fail("the bounds do not ascend to +Inf")
            }
            guard zip(buckets, buckets.dropFirst()).allSatisfy({ $0.value <= $1.value }) else { throw fail("not cumulative") }
            guard let sum = rest.popFirst(), sum.name == "\(family.name)_sum", sum.labels == labels,
                let count = rest.popFirst(), count.name == "\(family.name)_count", count.labels == labels
            else { throw fail("no sum and count") }
            guard count.value == buckets.last?.value else { throw fail("+Inf is not the count") }
            guard (sum.value == 0) == (count.value == 0) else { throw fail("a sum of nothing") }
        }
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", ":": true
            default: false
            }
        }
    }

    /// `name{label="value",…} number`
    private static func sample(_ line: Substring) -> Sample? {
        var rest = line
        let name = rest.prefix { $0 != "{" && $0 != " " }
        rest = rest.dropFirst(name.count)
        guard isName(name) else { return nil }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while true {
                let label = rest.prefix { $0 != "=" }
                rest = rest.dropFirst(label.count)
                guard isName(label), rest.hasPrefix("=\"") else { return nil }
                rest = rest.dropFirst(2)
                guard let value = quoted(&rest), labels.updateValue(value, forKey: String(label)) == nil else { return nil }
                let separator = rest.popFirst()
                if separator == "}" { break }
                guard separator == "," else { return nil }
            }
        }
        guard rest.popFirst() == " ", !rest.isEmpty, rest.allSatisfy({ $0.isNumber || $0 == "." }) else { return nil }
        return Double(rest).map { Sample(name: String(name), labels: labels, value: $0) }
    }

    private static func quoted(_ rest: inout Substring) -> String? {
        var text = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return text
            case "\\":
                switch rest.popFirst() {
                case "n": text.append("\n")
                case "\\": text.append("\\")
                case "\"": text.append("\"")
                default: return nil
                }
            default: text.append(character)
            }
        }
        return nil
    }
}
