import Foundation

/// A directory of one test, gone with it.
struct TemporaryDirectory: ~Copyable, Sendable {
    let path: String

    /// - Parameter inMemory: whether to prefer a file system in memory, where a sync costs nothing. For tests that kill processes,
    ///   which no disk notices.
    init(inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let parent = inMemory && access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
        var template = Array((parent + "/keswick-plugin-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// All that is in `subdirectory`, dot files included, in order.
    func entries(_ subdirectory: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + subdirectory).sorted()
    }

    func read(_ file: String) throws -> [UInt8] {
        // Not `Data(contentsOf:)`, which leaks a page for an empty file, and so trips the leak sanitizer.
        guard let stream = fopen(path + "/" + file, "r") else { throw TestFailure("open \(file): errno \(errno)") }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    func write(_ bytes: some Sequence<UInt8>, to file: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + file))
    }

    /// The permission bits of a file.
    func mode(_ file: String) throws -> mode_t {
        var info = stat()
        guard lstat(path + "/" + file, &info) == 0 else { throw TestFailure("lstat \(file): errno \(errno)") }
        return info.st_mode & 0o7777
    }
}
