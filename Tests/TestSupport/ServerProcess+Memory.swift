import CLinux
import Glibc

extension ServerProcess {
    /// Whether this process may read the memory of one that forbids it: CAP_SYS_PTRACE, bit 19 of what proc(5) shows.
    package static let memoryIsReadable: Bool = {
        let status = (try? readFile("/proc/self/status")) ?? []
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let capabilities = line.flatMap { UInt64($0.drop { $0 != "\t" }.dropFirst(), radix: 16) } ?? 0
        return capabilities & 1 << 19 != 0
    }()

    /// Whether `pattern` is anywhere in the server's memory, in use or given back.
    package func memoryHolds(_ pattern: some Sequence<UInt8>) throws -> Bool {
        let pattern = Array(pattern)
        let path = "/proc/\(process.pid)/mem"
        let memory = open(path, O_RDONLY | O_CLOEXEC)
        guard memory >= 0 else { throw SystemError("open \(path)", errno) }
        defer { close(memory) }
        let maps = String(decoding: try readFile("/proc/\(process.pid)/maps"), as: UTF8.self)
        for line in maps.split(separator: "\n") {
            let words = line.split(separator: " ")
            let bounds = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
            guard words[1].hasPrefix("r"), bounds.count == 2 else { continue }
            let bytes = [UInt8](unsafeUninitializedCapacity: bounds[1] - bounds[0]) { buffer, count in
                // What the kernel maps for itself cannot be read.
                count = max(0, pread(memory, buffer.baseAddress, buffer.count, off_t(bounds[0])))
            }
            if keswick_find(bytes, bytes.count, pattern, pattern.count) != nil { return true }
        }
        return false
    }
}
