/// The patterns of one side of a policy, laid out to be tried one after the other.
///
/// All literals stand in one array and each entry is a plain value, so that trying a pattern touches no reference count.
package struct PatternList: Sendable {
    private struct Entry: Sendable {
        var form: Pattern.Form
        var start: Int
        var count: Int
    }

    /// The patterns, in the order in which they are tried.
    package let patterns: [Pattern]
    private let entries: [Entry]
    private let literals: [UInt8]

    /// About how many bytes of memory the patterns take: each has a text, a literal, and what keeps them.
    var memory: Int { 2 * literals.count + 128 * entries.count }

    /// - Parameter texts: One that comes again is left out: policies are read as JSON objects, whose members are its patterns.
    package init(_ texts: [String]) {
        var seen: Set<[UInt8]> = []
        patterns = texts.filter { seen.insert(Array($0.utf8)).inserted }.map(Pattern.init)
        var entries: [Entry] = []
        var literals: [UInt8] = []
        for pattern in patterns {
            entries.append(Entry(form: pattern.form, start: literals.count, count: pattern.literal.count))
            literals += pattern.literal
        }
        self.entries = entries
        self.literals = literals
    }

    /// The first pattern that matches the path with these UTF-8 bytes, as its index in `patterns`.
    func firstMatch(_ path: UnsafeBufferPointer<UInt8>) -> Int? {
        literals.withUnsafeBufferPointer { literals in
            entries.firstIndex { entry in
                let literal = UnsafeBufferPointer(rebasing: literals[entry.start..<entry.start + entry.count])
                return Pattern.matches(entry.form, literal, path)
            }
        }
    }
}
