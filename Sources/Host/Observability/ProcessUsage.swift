import CLinux
import Glibc
import NIOCore

/// What the process uses of the machine.
struct ProcessUsage {
    /// Processors of the machine, and those that the process may use (affinity, control group).
    var processors: Int
    var usableProcessors: Int
    /// Bytes that the allocator has handed out.
    var heapBytes: Int
    /// Bytes of the main thread's stack.
    var stackBytes: Int

    static func read() -> ProcessUsage {
        ProcessUsage(
            processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), usableProcessors: System.coreCount,
            heapBytes: keswick_allocated_bytes(), stackBytes: stackSize())
    }

    /// `VmStk` of `/proc/self/status` (proc(5)), in bytes; 0 where that file cannot be read.
    private static func stackSize() -> Int {
        guard let file = fopen("/proc/self/status", "re") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("VmStk:") else { continue }
            return (Int(text.filter(\.isNumber)) ?? 0) * 1024
        }
        return 0
    }
}
