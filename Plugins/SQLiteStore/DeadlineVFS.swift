import CSQLite
import Glibc
import PluginKit

/// SQLite's way to the operating system for one connection: the usual one, but for its waits, which end with the call's deadline.
///
/// For a locked file SQLite asks the busy handler. For the locks of the write-ahead log's index it waits by itself, up to a hundred
/// times and 10 s in all (`walTryBeginRead` in its source), by a function that is told of no connection: so each has a VFS of its own.
final class DeadlineVFS {
    /// The usual structure, and behind it the deadline in nanoseconds: SQLite hands the pointer back to `sleep`.
    private let vfs: UnsafeMutablePointer<sqlite3_vfs>
    private let name: UnsafeMutablePointer<CChar>

    /// - Throws: what SQLite answers when it has no VFS at all.
    init(_ deadline: Deadline) throws(SQLiteError) {
        guard let usual = sqlite3_vfs_find(nil) else { throw SQLiteError(SQLITE_ERROR, "SQLite knows no file system") }
        let space = UnsafeMutableRawPointer.allocate(
            byteCount: DeadlineVFS.deadlineOffset + MemoryLayout<UInt64>.size, alignment: MemoryLayout<sqlite3_vfs>.alignment)
        vfs = space.bindMemory(to: sqlite3_vfs.self, capacity: 1)
        vfs.initialize(to: usual.pointee)
        // Unique among those that are registered at the same time. There is nothing to do without memory but to end.
        name = "keswick-\(UInt(bitPattern: space))".withCString { strdup($0) }
        vfs.pointee.zName = UnsafePointer(name)
        vfs.pointee.pNext = nil
        vfs.pointee.xSleep = { vfs, microseconds in vfs.map { DeadlineVFS.sleep($0, microseconds) } ?? 0 }
        self.deadline = deadline
    }

    /// To be dropped after the connection was closed.
    deinit {
        UnsafeMutableRawPointer(vfs).deallocate()
        free(name)
    }

    /// When the waits of the connection end. Used by the connection's thread only.
    var deadline: Deadline {
        get { DeadlineVFS.deadline(of: vfs) }
        set {
            UnsafeMutableRawPointer(vfs).storeBytes(
                of: newValue.nanoseconds, toByteOffset: DeadlineVFS.deadlineOffset, as: UInt64.self)
        }
    }

    /// Calls sqlite3_open_v2, which finds the VFS by its name. Nobody else needs that name: it is known during the call only.
    func open(_ path: String, _ connection: inout OpaquePointer?, _ flags: Int32) -> Int32 {
        let result = sqlite3_vfs_register(vfs, 0)
        guard result == SQLITE_OK else { return result }
        defer { sqlite3_vfs_unregister(vfs) }
        return sqlite3_open_v2(path, &connection, flags, name)
    }

    /// Waits for some microseconds, but not beyond the deadline, and returns for how many.
    func sleep(_ microseconds: Int32) -> Int32 { DeadlineVFS.sleep(vfs, microseconds) }

    private static let deadlineOffset = MemoryLayout<sqlite3_vfs>.stride

    private static func deadline(of vfs: UnsafeMutablePointer<sqlite3_vfs>) -> Deadline {
        Deadline(nanoseconds: UnsafeRawPointer(vfs).load(fromByteOffset: deadlineOffset, as: UInt64.self))
    }

    private static func sleep(_ vfs: UnsafeMutablePointer<sqlite3_vfs>, _ microseconds: Int32) -> Int32 {
        let left = deadline(of: vfs).remaining / .microseconds(1)
        let wait = max(0, min(microseconds, left < 1_000_000_000 ? Int32(left) : microseconds))
        usleep(UInt32(wait))
        return wait
    }
}
