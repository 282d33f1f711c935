import CFileSystem
import Glibc
import PluginKit

/// The keystore's directory, open for as long as the keystore is. Names are looked up in it, never along a path, so that what
/// becomes of the path cannot lead elsewhere.
final class Directory: Sendable {
    /// Absolute, for messages and for `checkPath`.
    let path: String
    let number: Int32

    /// Opens the directory, or makes it, if the directory that it is in exists: a path that leads nowhere is rather a mistake,
    /// or a volume that is not mounted, than a wish for an empty keystore.
    init(_ path: String, log: HostLog) throws(KeystoreError) {
        let path = Directory.absolute(path)
        self.path = path
        do throws(SystemError) {
            number = try Directory.openOrMake(path, log: log)
        } catch {
            switch error.code {
            case ENOENT:
                throw .invalid(
                    "the keystore's directory \(path) cannot be made, because the directory that it is in does not exist: make that, "
                        + "or mend `path`")
            case ENOTDIR, ELOOP, ENAMETOOLONG:
                throw .invalid("the keystore's `path` \(path) is not a directory")
            default: throw error.keystoreError(path)
            }
        }
        let info = try info()
        if info.st_mode & 0o022 != 0 {
            log.warning("others than its owner may write to the keystore's directory \(path): set its mode to 0700")
        }
        // No error: a backup is a good source to copy from. But who serves from it learns of it before the first key is made.
        if faccessat(number, ".", W_OK, AT_EACCESS) != 0 {
            let reason = SystemError(action: "write to", code: errno).keystoreError(path).message
            log.warning("keys can be read, and not created or deleted: \(reason)")
        }
    }

    deinit { close(number) }

    /// The path of a key's file, for messages.
    func path(of name: KeyName) -> String { path + "/" + name.text }

    /// What stands under a key's name, itself and not what a link leads to; nothing when nothing does.
    func entry(_ name: KeyName) throws(KeystoreError) -> stat? {
        if let entry = try attempt(path(of: name), { () throws(SystemError) in try find(name.text) }) { return entry }
        try checkPath()
        return nil
    }

    /// As `entry`, for who does not mind whether this is still the keystore's directory.
    func find(_ name: String) throws(SystemError) -> stat? {
        var info = stat()
        do throws(SystemError) {
            try system("examine") { fstatat(number, name, &info, AT_SYMLINK_NOFOLLOW) }
            return info
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
    }

    /// Throws when the path leads to another directory than the open one, or nowhere: what is changed in this one would be lost, and
    /// what is not in it is not to be told as keys that never were.
    func checkPath() throws(KeystoreError) {
        let open = try info()
        var named: stat?
        do throws(SystemError) {
            var info = stat()
            try system("examine") { stat(path, &info) }
            named = info
        } catch {
            guard error.code == ENOENT || error.code == ENOTDIR else { throw error.keystoreError(path) }
        }
        guard let named, named.isSameFile(as: open) else {
            throw .unreachable(
                "the keystore's directory \(path) was removed or replaced while in use: see that the path leads to the directory with "
                    + "the keys, then restart the server")
        }
    }

    func open(_ name: String, _ flags: Int32, mode: mode_t = 0) throws(SystemError) -> Descriptor {
        let verb = flags & O_CREAT != 0 ? "create" : "open"
        return Descriptor(owning: try system(verb) { openat(number, name, flags | O_CLOEXEC, mode) })
    }

    /// Gives a file a second name, unless that is taken (EEXIST).
    func link(_ name: String, to new: String) throws(SystemError) {
        try system("create") { linkat(number, name, number, new, 0) }
    }

    func unlink(_ name: String) throws(SystemError) { try system("remove") { unlinkat(number, name, 0) } }

    /// Waits until all names are on the disk.
    func sync() throws(SystemError) { try system("sync the directory of") { fsync(number) } }

    func info() throws(KeystoreError) -> stat {
        try attempt(path) { () throws(SystemError) in
            var info = stat()
            try system("examine") { fstat(number, &info) }
            return info
        }
    }

    /// Throws when this is not the keystore's directory any more, or cannot be read.
    func check() throws(KeystoreError) {
        try checkPath()
        _ = try attempt(path) { () throws(SystemError) in
            try system("read") { faccessat(number, ".", R_OK | X_OK, AT_EACCESS) }
        }
    }

    enum EntryKind {
        /// A file, or what some file systems do not tell from one.
        case file
        case symbolicLink
    }

    /// Calls `body` with each name in the directory that is one of these.
    func forEachEntry(_ body: (UnsafeRawBufferPointer, EntryKind) throws(KeystoreError) -> Void) throws(KeystoreError) {
        // A descriptor of its own, because the position in the directory belongs to it; the stream closes it.
        let descriptor = try attempt(path) { () throws(SystemError) in
            try system("open") { openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        }
        guard let stream = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            throw SystemError(action: "read", code: code).keystoreError(path)
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                let code = errno
                guard code != 0 else { return }
                throw SystemError(action: "read", code: code).keystoreError(path)
            }
            let type = entry.pointee.d_type
            guard type == DT_REG || type == DT_UNKNOWN || type == DT_LNK else { continue }
            // Terminated by a zero and valid until the next `readdir`.
            guard let name = keswick_entry_name(entry) else { continue }
            try body(UnsafeRawBufferPointer(start: name, count: strlen(name)), type == DT_LNK ? .symbolicLink : .file)
        }
    }

    private static func openOrMake(_ path: String, log: HostLog) throws(SystemError) -> Int32 {
        func openDirectory(_ path: String) throws(SystemError) -> Int32 {
            try system("open") { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        }
        do throws(SystemError) { return try openDirectory(path) } catch { guard error.code == ENOENT else { throw error } }
        if mkdir(path, 0o700) != 0 {
            let code = errno
            guard code == EEXIST else { throw SystemError(action: "make", code: code) }
        } else {
            log.warning(
                "made \(path), which was not there: it holds no keys. If it should, stop the server, and mend `path` or mount the disk"
            )
        }
        // As durable as what will be in it.
        let parent = Descriptor(owning: try openDirectory(path + "/.."))
        try parent.sync()
        return try openDirectory(path)
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }
}
