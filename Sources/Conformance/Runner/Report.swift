/// What the checks of one plugin came to.
package struct Report: Sendable {
    package enum Result: String, Sendable {
        case passed, failed, warned, skipped
    }

    /// One rule's line.
    package struct Line: Sendable {
        package var rule: Rule
        package var result: Result
        /// What was seen, most telling first; for a skipped rule why.
        package var details: [String]
        /// The command that shows it again.
        package var reproduce: String
    }

    package var library: String
    /// From the plugin's table, when there was one.
    package var name: String?
    package var version: String?
    /// Why nothing but the library could be checked.
    package var problem: String?
    package var lines: [Line]
    /// What the checks may have left in a keystore that is not their own, and why; nil when nothing was.
    package var left: String?

    package var isPassed: Bool { problem == nil && !lines.contains { $0.result == .failed } }
    package func count(_ result: Result) -> Int { lines.count { $0.result == result } }
}
