import CSQLite
import Glibc
import PluginKit

/// Makes SQLite wipe what it frees.
///
/// Values pass through SQLite's page cache and its statements' registers, which are its own to allocate. Its allocator is the
/// one place where all of them can be wiped.
enum WipingAllocator {
    /// SQLite's own allocator. `nonisolated(unsafe)` is safe: it is written once, by Swift's lazy initialisation, and its
    /// members are pointers to functions that any thread may call.
    nonisolated(unsafe) private static let original: sqlite3_mem_methods = {
        var methods = sqlite3_mem_methods()
        keswick_sqlite_get_allocator(&methods)
        return methods
    }()

    /// The result of the one attempt that a process makes.
    private static let installation: Int32 = {
        var methods = original
        methods.xFree = { WipingAllocator.free($0) }
        methods.xRealloc = { WipingAllocator.reallocate($0, size: $1) }
        return keswick_sqlite_set_allocator(&methods)
    }()

    /// Installs it. SQLite takes an allocator only before its first use in a process.
    static func install(log: HostLog) {
        guard installation != SQLITE_OK else { return }
        log.warning("another part of the server used SQLite first: the memory that SQLite frees is not wiped")
    }

    private static func free(_ memory: UnsafeMutableRawPointer?) {
        guard let memory, let size = original.xSize?(memory) else { return }
        explicit_bzero(memory, Int(size))
        original.xFree?(memory)
    }

    /// Never in place, which could leave a copy behind.
    private static func reallocate(_ memory: UnsafeMutableRawPointer?, size: Int32) -> UnsafeMutableRawPointer? {
        guard let memory, let old = original.xSize?(memory), let new = original.xMalloc?(size) else { return nil }
        new.copyMemory(from: memory, byteCount: Int(min(old, size)))
        free(memory)
        return new
    }
}
