/// Finds what the author of a misspelt name most likely meant.
package enum NearestName {
    /// The known name with the least edits to `name`, or nil when none is near enough to be meant.
    package static func of(_ name: String, among known: [String]) -> String? {
        let lowered = name.lowercased()
        // A third of the letters may be wrong, two in a short name: `cret` is `cert`, `admins` is not `api`.
        let limit = max(min(2, name.utf8.count / 2), name.utf8.count / 3)
        let nearest = known.map { (name: $0, edits: edits(from: lowered, to: $0.lowercased())) }.min { $0.edits < $1.edits }
        guard let nearest, nearest.edits <= limit else { return nil }
        return nearest.name
    }

    /// The end of a message about an unknown name: the nearest known one, or all of them.
    static func suggestion(for name: String, among known: [String]) -> String {
        if let nearest = of(name, among: known) { return "did you mean '\(nearest)'?" }
        return "known are \(known.map { "'\($0)'" }.joined(separator: ", "))"
    }

    /// The distance of Damerau and Levenshtein ("optimal string alignment"): how many insertions, deletions and replacements of a byte,
    /// and exchanges of two neighbours, turn one text into the other.
    static func edits(from source: String, to target: String) -> Int {
        // A name that long resembles nothing, and the time is the product of both lengths.
        guard source.utf8.count <= 128 else { return .max }
        let (source, target) = (Array(source.utf8), Array(target.utf8))
        var beforeLast: [Int] = []
        var last = Array(0...target.count)
        for line in source.indices {
            var row = [line + 1]
            for column in target.indices {
                var edits = last[column] + (source[line] == target[column] ? 0 : 1)
                edits = min(edits, last[column + 1] + 1, row[column] + 1)
                if line > 0, column > 0, source[line] == target[column - 1], source[line - 1] == target[column] {
                    edits = min(edits, beforeLast[column - 1] + 1)
                }
                row.append(edits)
            }
            (beforeLast, last) = (last, row)
        }
        return last[target.count]
    }
}
