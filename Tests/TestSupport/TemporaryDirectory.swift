import CLinux
import Glibc
import Synchronization

/// A directory of a test's own, mode 0700, removed with all that is in it when the last reference goes.
package final class TemporaryDirectory: Sendable {
    /// Absolute, without a trailing slash.
    package let path: String
    private let counter = Atomic<Int>(0)

    package init(_ label: String = "keswick") throws {
        var template = Array("/tmp/\(label)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp", errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        removeTree(path)
    }

    /// The path of `name` in the directory.
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// A number that was not given before.
    package func nextNumber() -> Int { counter.add(1, ordering: .relaxed).newValue }

    /// Writes a file in the directory and returns its path.
    @discardableResult
    package func write(_ contents: String, to name: String, mode: mode_t = 0o600) throws -> String {
        try write(Array(contents.utf8), to: name, mode: mode)
    }

    @discardableResult
    package func write(_ contents: [UInt8], to name: String, mode: mode_t = 0o600) throws -> String {
        let path = file(name)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw SystemError("open \(path)", errno) }
        defer { close(descriptor) }
        // Not what the umask leaves of the mode, but the mode.
        guard fchmod(descriptor, mode) == 0 else { throw SystemError("fchmod \(path)", errno) }
        var rest = contents[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SystemError("write \(path)", errno) }
            rest = rest.dropFirst(count)
        }
        return path
    }
}

/// Removes a file, or a directory with all that is in it. Follows no links.
private func removeTree(_ path: String) {
    if unlink(path) == 0 { return }
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
        let name = String(cString: keswick_name(entry))
        if name != ".", name != ".." { removeTree("\(path)/\(name)") }
    }
    closedir(directory)
    rmdir(path)
}

/// Reads a whole file.
package func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError("open \(path)", errno) }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw SystemError("read \(path)", errno) }
        if count == 0 { return contents }
        contents += buffer[..<count]
    }
}

/// A system call failed.
package struct SystemError: Error, CustomStringConvertible {
    package var description: String

    package init(_ call: String, _ code: Int32) {
        description = "\(call): \(String(cString: strerror(code)))"
    }
}
