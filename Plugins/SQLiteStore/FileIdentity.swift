import Glibc
import PluginKit

/// Which file a path leads to.
struct FileIdentity: Hashable, Sendable {
    let device: dev_t
    let inode: ino_t
    let mode: mode_t
    /// How many names the file has.
    let links: nlink_t

    init(_ path: String) throws(KeystoreError) {
        var info = stat()
        guard stat(path, &info) == 0 else { throw .file("examine", path, errno) }
        self.init(info)
    }

    /// The file that a path leads to now, if any.
    static func current(_ path: String) throws(KeystoreError) -> FileIdentity? {
        var info = stat()
        guard stat(path, &info) != 0 else { return FileIdentity(info) }
        guard errno == ENOENT || errno == ENOTDIR else { throw .file("examine", path, errno) }
        return nil
    }

    init(_ info: stat) {
        device = info.st_dev
        inode = info.st_ino
        mode = info.st_mode
        links = info.st_nlink
    }

    static func == (left: FileIdentity, right: FileIdentity) -> Bool {
        left.device == right.device && left.inode == right.inode
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(device)
        hasher.combine(inode)
    }
}

extension KeystoreError {
    /// The failure of a system call on the database's file or its directory.
    static func file(_ action: String, _ path: String, _ code: Int32) -> KeystoreError {
        let error = KeystoreError.system(action, path, code)
        guard code == ENOENT || code == ENOTDIR else { return error }
        return .invalid(error.message + "; the directory of the database must exist")
    }
}
