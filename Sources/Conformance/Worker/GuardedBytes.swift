import Glibc
import PluginAPI

/// Bytes lent to a plugin for one call: read-only, ending where memory that nobody may touch begins, and gone afterwards. Whoever
/// reads on to a terminating zero, writes to them, or comes back to them later, crashes.
struct GuardedBytes: ~Copyable {
    private let pages: UnsafeMutableRawPointer
    private let pagesSize: Int
    private let count: Int
    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

    init(_ bytes: [UInt8]) {
        count = bytes.count
        let dataSize = max((bytes.count + Self.pageSize - 1) / Self.pageSize, 1) * Self.pageSize
        pagesSize = dataSize + Self.pageSize
        // The process is the worker of one check: its end is reported as such, and takes nothing else with it.
        guard let pages = mmap(nil, pagesSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), pages != MAP_FAILED
        else { fatalError("no memory for the check's own data") }
        self.pages = pages
        UnsafeMutableRawBufferPointer(start: pages + dataSize - bytes.count, count: bytes.count).copyBytes(from: bytes)
        // It fails when the process has more mappings than it may have (mprotect(2)); the check would then find less.
        guard mprotect(pages + dataSize, Self.pageSize, PROT_NONE) == 0, mprotect(pages, dataSize, PROT_READ) == 0
        else { fatalError("the check's own data cannot be protected") }
    }

    deinit { munmap(pages, pagesSize) }

    var view: keswick_bytes {
        let start = pages + (pagesSize - Self.pageSize - count)
        return keswick_bytes(data: UnsafePointer(start.assumingMemoryBound(to: UInt8.self)), size: count)
    }
}
