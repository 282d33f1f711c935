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

/// The system's words for an `errno`.
enum SystemError {
    static func text(_ code: Int32) -> String {
        // Not strerror, whose buffer is shared between threads.
        var buffer = [CChar](repeating: 0, count: 256)
        return buffer.withUnsafeMutableBufferPointer { space in
            guard let base = space.baseAddress, strerror_r(code, base, space.count) == 0 else { return "error \(code)" }
            return String(cString: base)
        }
    }
}

/// What Glibc's module offers in no form that Swift can use.
enum SystemCall {
    /// `O_PATH` of Linux's generic `fcntl.h`, which x86-64, AArch64 and RISC-V use; the C library hides it behind `_GNU_SOURCE`.
    /// A descriptor opened with it needs no right to read the directory.
    static let openPathOnly: Int32 = 0o10000000

    /// Reads a symbolic link; nil, with `errno` set, when that fails.
    static func linkTarget(_ name: String, in directory: Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            let count = readlinkat(directory, name, base, buffer.count)
            return count > 0 ? String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self) : nil
        }
    }
}
