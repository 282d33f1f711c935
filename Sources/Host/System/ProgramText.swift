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
        var mapping: (start: UInt, end: UInt)?
        // Lines are read in place, of which there are thousands: as strings they cost tens of milliseconds.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096 + 128) { buffer in
            guard let line = buffer.baseAddress else { return }
            while fgets(line, Int32(buffer.count), file) != nil {
                if isupper(Int32(line[0])) == 0 {
                    mapping = codeMapping(line)
                } else if let code = mapping, strncmp(line, dirtyField, dirtyField.utf8.count) == 0 {
                    if strtoul(line + dirtyField.utf8.count, nil, 10) == 0 { release(code) }
                    mapping = nil
                }
            }
        }
    }

    /// Each mapping begins with a line that begins with its address, in small hexadecimal digits; lines `Name: value` follow (proc_pid_smaps(5)).
    private static let dirtyField = "Private_Dirty:"

    /// The addresses of a line `START-END r-xp OFFSET DEVICE INODE PATH`, which begins the mapping of a file's code; nil for another one.
    private static func codeMapping(_ line: UnsafePointer<CChar>) -> (start: UInt, end: UInt)? {
        var rest: UnsafeMutablePointer<CChar>?
        let start = strtoul(line, &rest, 16)
        guard let dash = rest, dash[0] == CChar(bitPattern: UInt8(ascii: "-")) else { return nil }
        let end = strtoul(dash + 1, &rest, 16)
        // Nothing before the path has a slash in it.
        guard let fields = rest, strncmp(fields, " r-xp ", 6) == 0, strchr(fields, Int32(UInt8(ascii: "/"))) != nil, start < end
        else {
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
