import Glibc

/// The machine code of the program and its libraries in memory.
enum ProgramText {
    /// Gives back what only the start needed. What goes on being used comes back from the page cache at its first use.
    ///
    /// Most of what a server occupies after its start is code that ran once: 28 of 36 MB. It is not secret, so that it need not be locked
    /// in memory, and not written to, so that nothing is lost: a mapping with a page that differs from its file is left alone.
    static func releaseUnused() {
        // Without it the server runs as well, in more memory.
        guard let file = fopen("/proc/self/smaps", "re") else { return }
        defer { fclose(file) }
        var candidate: (start: UInt, end: UInt)?
        var line = [CChar](repeating: 0, count: 4096 + 128)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if let mapping = codeMapping(text) {
                candidate = mapping
            } else if text.hasPrefix("Private_Dirty:"), let mapping = candidate {
                candidate = nil
                if text.contains(" 0 kB") { release(mapping) }
            }
        }
    }

    /// The addresses of a line of proc_pid_smaps(5) that begins the mapping of a file's code: `START-END r-xp OFFSET DEVICE INODE PATH`.
    private static func codeMapping(_ line: String) -> (start: UInt, end: UInt)? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { return nil }
        let bounds = fields[0].split(separator: "-")
        guard bounds.count == 2, let start = UInt(bounds[0], radix: 16), let end = UInt(bounds[1], radix: 16), start < end else {
            return nil
        }
        return (start, end)
    }

    private static func release(_ mapping: (start: UInt, end: UInt)) {
        let address = UnsafeMutableRawPointer(bitPattern: mapping.start)
        let count = Int(mapping.end - mapping.start)
        // Locked pages stay. When either fails, so does nothing but the saving.
        guard munlock(address, count) == 0 else { return }
        _ = madvise(address, count, Int32(MADV_DONTNEED))
    }
}
