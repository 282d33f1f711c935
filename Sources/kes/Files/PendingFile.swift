import Glibc
import SecureBytes

/// A file that is written, durably, and has yet to take its place: so that of several all do, or none.
struct PendingFile {
    private let path: String
    /// Where it is until then: `path` itself, where nothing has to be replaced.
    private let temporary: String

    /// Writes the file. It is an error when there is one of that name, unless it may be replaced: then the new one is to have its owner, its
    /// group and its permissions.
    ///
    /// - Parameter widest: what of the permissions of a file that is replaced the new one may have.
    init(
        _ path: String, _ contents: SecretBytes, mode: mode_t, replacing: Bool = false, widest: mode_t = 0o777
    ) throws(CommandFailure) {
        self.path = path
        temporary = replacing ? "\(path).\(getpid()).tmp" : path
        var old = stat()
        let replaced = replacing && stat(path, &old) == 0 ? old : nil
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0o700)
        guard file >= 0 else {
            throw CommandFailure(
                errno == EEXIST
                    ? "\(temporary) exists already" : "cannot create \(temporary): \(Files.message(errno))")
        }
        defer { close(file) }
        do throws(CommandFailure) {
            if let replaced { try Self.take(replaced, for: file, path) }
            // The mode that was asked for and not what the umask leaves of it. After the owner, for whom it is meant.
            guard fchmod(file, replaced.map { $0.st_mode & 0o777 & widest } ?? mode) == 0 else {
                throw CommandFailure("cannot create \(temporary): \(Files.message(errno))")
            }
            try contents.withUnsafeBytes { bytes throws(CommandFailure) in try Output.write(bytes, to: file) }
            guard fsync(file) == 0 else { throw CommandFailure("cannot write \(temporary): \(Files.message(errno))") }
        } catch {
            discard()
            throw error
        }
    }

    /// Gives the file its name, in one step: no one sees half of it.
    func publish() throws(CommandFailure) {
        guard temporary != path, rename(temporary, path) != 0 else { return }
        let code = errno
        discard()
        throw CommandFailure("cannot replace \(path): \(Files.message(code))")
    }

    /// Removes the file, which has not taken its place.
    func discard() { unlink(temporary) }

    /// Gives a new file the owner and the group of the one that it replaces.
    private static func take(_ old: stat, for file: CInt, _ path: String) throws(CommandFailure) {
        var new = stat()
        guard fstat(file, &new) == 0 else { throw CommandFailure("cannot replace \(path): \(Files.message(errno))") }
        guard (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) else { return }
        // With the old one's permissions and another owner it would be open to others than before.
        guard fchown(file, old.st_uid, old.st_gid) == 0 else {
            throw CommandFailure(
                "cannot replace \(path): the new file would not belong to the same user and group (\(Files.message(errno))); run this as root"
            )
        }
    }
}
