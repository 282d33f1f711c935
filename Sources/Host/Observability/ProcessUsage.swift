import CLinux
import Glibc

/// What the process uses of the machine.
struct ProcessUsage {
    /// Processors of the machine, and those that the process may use (affinity, control group).
    var processors: Int
    var usableProcessors: Int
    var threads: Int
    /// Bytes that the allocator has handed out.
    var heapBytes: Int
    /// Bytes of the main thread's stack.
    var stackBytes: Int
    /// Bytes of memory that the process occupies.
    var residentBytes: Int

    static func read() -> ProcessUsage {
        let status = fields()
        return ProcessUsage(
            processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), usableProcessors: Processors.usable,
            threads: status["Threads"] ?? 0, heapBytes: keswick_allocated_bytes(), stackBytes: (status["VmStk"] ?? 0) * 1024,
            residentBytes: (status["VmRSS"] ?? 0) * 1024)
    }

    /// The numbers of `/proc/self/status` (proc(5)), as they stand there: sizes in KiB. Empty where that file cannot be read.
    private static func fields() -> [String: Int] {
        guard let file = fopen("/proc/self/status", "re") else { return [:] }
        defer { fclose(file) }
        var fields: [String: Int] = [:]
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard let colon = text.firstIndex(of: ":") else { continue }
            fields[String(text[..<colon])] = Int(text[colon...].filter(\.isNumber))
        }
        return fields
    }
}
