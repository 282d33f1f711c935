import Glibc

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
