import Foundation
import TestSupport
import Testing

/// `docs/compatibility.md`: what it says is shown by a test has to be shown by one.
@Suite struct CompatibilityPageTests {
    @Test func everyRowNamesTestsThatExist() throws {
        let rows = try Page("docs/compatibility.md").text.split(separator: "\n").filter { $0.hasPrefix("|") }
            .map { $0.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map(String.init) }
            // Without the heads of the tables and the lines below them.
            .filter { !["KES", "---"].contains($0[0].filter { $0 != " " }) }
        #expect(rows.count > 140)
        for row in rows {
            try #require(row.count == 3, "\(row)")
            let tests = row[2].split(separator: ",").map { $0.filter { $0 != "`" && $0 != " " } }
            #expect(!tests.isEmpty, "\(row)")
            for test in tests {
                // `Target/Folder/File/function`, without the `Tests/` in front and the `.swift` behind the file.
                let parts = test.split(separator: "/")
                try #require(parts.count >= 3, "\(test)")
                let source = try Page("Tests/\(parts.dropLast().joined(separator: "/")).swift").text
                let function = try #require(parts.last)
                let isThere = source.contains(try Regex(#"@Test(?:(?!func )[\s\S])*func \#(function)\("#))
                #expect(isThere, "\(test) is no test")
            }
        }
    }
}
