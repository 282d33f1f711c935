/// The working tree that these tests were built from.
package enum Repository {
    package static let root: String = {
        // This file is in Tests/TestSupport.
        var path = #filePath[...]
        for _ in 0..<3 { path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
        return String(path)
    }()
}
