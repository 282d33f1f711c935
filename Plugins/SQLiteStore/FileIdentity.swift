import Glibc
import PluginKit

/// Which file a path leads to.
struct FileIdentity: Hashable, Sendable {
    let device: dev_t
    let inode: ino_t
    let mode: mode_t

    init(_ path: String) throws(KeystoreError) {
        var info = stat()
        guard stat(path, &info) == 0 else { throw .system("examine", path, errno) }
        self.init(info)
    }

    /// The file that a path leads to now, if any.
    static func current(_ path: String) throws(KeystoreError) -> FileIdentity? {
        var info = stat()
        guard stat(path, &info) != 0 else { return FileIdentity(info) }
        guard errno == ENOENT || errno == ENOTDIR else { throw .system("examine", path, errno) }
        return nil
    }

    init(_ info: stat) {
        device = info.st_dev
        inode = info.st_ino
        mode = info.st_mode
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
    static func system(_ action: String, _ path: String, _ code: Int32) -> KeystoreError {
        let text = "cannot \(action) \(path): \(String(cString: strerror(code)))"
        switch code {
        case EACCES, EPERM: return .denied(text + "; the server's user must be able to write the file and its directory")
        case EROFS: return .denied(text + "; mount its file system writable")
        case ENOENT, ENOTDIR: return .invalid(text + "; the directory of the database must exist")
        case ENOSPC, EDQUOT: return .internal(text + "; make room on the disk")
        case EIO, ENODEV, ENXIO, ESTALE: return .unreachable(text + "; check the disk")
        default: return .internal(text)
        }
    }
}
