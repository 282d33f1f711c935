import Glibc

/// File paths as text: no access to the file system but for the working directory.
extension String {
    /// The components between slashes, without empty ones and `.`.
    var pathComponents: [String] {
        split(separator: "/").filter { $0 != "." }.map(String.init)
    }

    var isAbsolutePath: Bool { utf8.first == UInt8(ascii: "/") }

    /// The path from the root: nil when it is relative and there is no working directory any more.
    var absolutePath: String? {
        if isAbsolutePath { return self }
        guard let buffer = getcwd(nil, 0) else { return nil }
        defer { free(buffer) }
        return String(cString: buffer).appendingPath(self)
    }

    /// What precedes the last slash; `/` for an entry of the root.
    var parentDirectory: String {
        guard let slash = lastIndex(of: "/") else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }

    func appendingPath(_ component: String) -> String {
        utf8.last == UInt8(ascii: "/") ? self + component : self + "/" + component
    }
}
