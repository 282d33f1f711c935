import Glibc
import PluginKit

/// Makes the database's file when it is missing, so that nobody ever sees a part of one: the whole empty database is written
/// to a second file, FILE-creating, synced, and linked to its name.
///
/// Processes take turns by a lock on FILE-creating, which the system drops when one dies; whoever comes next uses the left-over
/// file or removes it.
enum NewDatabase {
    /// Gives the path to the existing or new file, absolute and free of symbolic links.
    static func ensureExists(_ path: String, log: HostLog, deadline: Deadline) throws(KeystoreError) -> String {
        while true {
            if let real = realpath(path, nil) {
                defer { free(real) }
                let path = String(cString: real)
                try removeLeftover(of: path, log: log)
                // Whoever made the file may have died before this.
                try syncDirectory(of: path)
                return path
            }
            guard errno == ENOENT else { throw .file("open", path, errno) }
            // What is no link was made by another process just now.
            if let made = entry(path) {
                guard made.st_mode & S_IFMT != S_IFLNK else { throw .invalid("\(path) is a symbolic link that leads nowhere") }
                try deadline.check()
                continue
            }
            try deadline.check()
            try create(path, log: log)
        }
    }

    /// Makes the file, unless somebody else does meanwhile.
    private static func create(_ path: String, log: HostLog) throws(KeystoreError) {
        // SQLite would play it over the new database.
        if let log = entry(path + "-wal"), log.st_size > 0, entry(path) == nil {
            throw .corrupt("\(path)-wal is there without its database: \(DatabaseFile.remedy(path))")
        }
        let temporary = path + suffix
        let descriptor = open(temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .file("create", temporary, errno) }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw .file("lock", temporary, errno) }
            usleep(2000)
            return
        }
        // From here on nobody else links or removes FILE-creating; but somebody may have, between `open` and `flock`.
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw .file("examine", temporary, errno) }
        guard let named = entry(temporary), FileIdentity(named) == FileIdentity(info) else { return }
        // Linked already by one that died before the next step: the file is the database.
        guard info.st_nlink == 1 else { return try remove(temporary) }
        do throws(KeystoreError) {
            try write(emptyDatabase(path), to: descriptor, temporary)
            if link(temporary, path) == 0 {
                log.warning(
                    "made \(path), which was not there: it holds no keys. If it should, stop the server, and mend `path` or mount the disk"
                )
            } else if errno != EEXIST {
                throw .hardLink(path, errno)
            }
        } catch {
            // The first failure says more than one of the cleaning; the next open cleans again.
            unlink(temporary)
            throw error
        }
        try remove(temporary)
    }

    private static func emptyDatabase(_ path: String) throws(KeystoreError) -> [UInt8] {
        do throws(SQLiteError) { return try DatabaseFormat.emptyDatabase() } catch { throw error.keystoreError("prepare", path) }
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(KeystoreError) {
        guard ftruncate(descriptor, 0) == 0 else { throw .file("empty", path, errno) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(written)) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .file("write", path, count == 0 ? EIO : errno) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw .file("sync", path, errno) }
    }

    /// Removes what one left that died, unless it is being made just now.
    private static func removeLeftover(of path: String, log: HostLog) throws(KeystoreError) {
        let temporary = path + suffix
        guard let named = entry(temporary) else { return }
        // Another name of the database itself must not be opened here; see `DatabaseFile`.
        if let database = entry(path), FileIdentity(database) == FileIdentity(named) { return try remove(temporary) }
        let descriptor = open(temporary, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno != ENOENT { log.warning("cannot open \(temporary), which is left over and can be removed") }
            return
        }
        defer { close(descriptor) }
        var info = stat()
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &info) == 0, let now = entry(temporary),
            FileIdentity(now) == FileIdentity(info)
        else { return }
        try remove(temporary)
    }

    private static func remove(_ path: String) throws(KeystoreError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw .file("remove", path, errno) }
    }

    /// What stands under a name, if anything does. A symbolic link is not followed.
    private static func entry(_ path: String) -> stat? {
        var info = stat()
        return lstat(path, &info) == 0 ? info : nil
    }

    /// Makes the name of a file as durable as its content.
    private static func syncDirectory(of path: String) throws(KeystoreError) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/"
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file("open", directory, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .file("sync", directory, errno) }
    }

    private static let suffix = "-creating"
}
