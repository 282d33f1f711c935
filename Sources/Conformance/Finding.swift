/// What a check noticed about a rule. Travels from the worker process to the runner as a line of text.
struct Finding: Equatable, Sendable {
    enum Kind: String, Sendable {
        case failed
        case warned
        case skipped
        /// Something was seen that the rule speaks of.
        case tried
        /// Said by a worker for the runner: what a step of a check with several processes came to.
        case told
        /// The check ran to its end.
        case finished
    }

    var kind: Kind
    /// The rule's id; empty for `told` and `finished`.
    var rule: String
    var text: String

    /// One line, terminated.
    var line: String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\t", with: "\\t")
        return "\(kind.rawValue)\t\(rule)\t\(escaped)\n"
    }

    init(_ kind: Kind, _ rule: Rule?, _ text: String) {
        self.kind = kind
        self.rule = rule?.id ?? ""
        self.text = text
    }

    /// Reads a line without its end.
    init?(line: Substring) {
        let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let kind = Kind(rawValue: String(parts[0])) else { return nil }
        self.kind = kind
        rule = String(parts[1])
        var text = ""
        var rest = parts[2].makeIterator()
        while let character = rest.next() {
            guard character == "\\" else {
                text.append(character)
                continue
            }
            switch rest.next() {
            case "n": text.append("\n")
            case "t": text.append("\t")
            case let other?: text.append(other)
            case nil: break
            }
        }
        self.text = text
    }
}

/// `1 name`, `2 names`: for texts of findings.
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
