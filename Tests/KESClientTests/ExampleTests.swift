import TestSupport
import Testing

/// The program of the documentation.
@Suite struct ExampleTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/\($1)" }

    @Test func theCodeOfTheDocumentationIsThatOfTheExample() throws {
        let example = String(decoding: try readFile("\(Self.root)/examples/DataKeys/main.swift"), as: UTF8.self)
        let page = String(decoding: try readFile("\(Self.root)/Sources/KESClient/KESClient.docc/KESClient.md"), as: UTF8.self)
        let blocks = page.split(separator: "```swift\n").dropFirst().map {
            $0.prefix(upTo: $0.firstRange(of: "```")?.lowerBound ?? $0.endIndex)
        }
        #expect(blocks.count == 5)
        for block in blocks { #expect(example.contains("\n\(block)// snippet.end"), "\(block)") }
    }
}
