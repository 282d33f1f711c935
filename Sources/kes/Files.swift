import Glibc
import SecureBytes

/// Reads and writes whole files.
enum Files {
    // Far above any certificate, key or policy.
    private static let maximumSize = 16 << 20

    /// The contents of a file that holds no secret.
    static func read(_ path: String) throws(CommandFailure) -> [UInt8] {
        try readSecret(path).withUnsafeBytes { Array($0) }
    }

    /// The contents of a file, to be wiped.
    static func readSecret(_ path: String) throws(CommandFailure) -> SecretBytes {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw CommandFailure("cannot read \(path): \(message(errno))") }
        defer { close(file) }
        var parts: [SecretBytes] = []
        var size = 0
        while true {
            var (count, code) = (0, CInt(0))
            let part = SecretBytes(count: 1 << 16) { buffer in
                repeat {
                    count = Glibc.read(file, buffer.baseAddress, buffer.count)
                    code = errno
                } while count < 0 && code == EINTR
            }
            guard count >= 0 else { throw CommandFailure("cannot read \(path): \(message(code))") }
            if count == 0 { break }
            size += count
            guard size <= maximumSize else { throw CommandFailure("\(path) is too large for what it has to be") }
            parts.append(part.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<count])) })
        }
        return SecretBytes(count: size) { contents in
            var end = 0
            for part in parts {
                part.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: contents[end...]).copyMemory(from: $0) }
                end += part.count
            }
        }
    }

    /// Writes a new file, durably. It is an error when there is one, unless it may be replaced; then the new one takes its place
    /// in one step, so that no one sees half of it, with the owner, the group and the permissions of the old one.
    ///
    /// - Parameter widest: what of the permissions of a file that is replaced the new one may have.
    static func create(
        _ path: String, _ contents: SecretBytes, mode: mode_t, replacing: Bool = false, widest: mode_t = 0o777
    ) throws(CommandFailure) {
        let target = replacing ? "\(path).\(getpid()).tmp" : path
        var old = stat()
        let replaced = replacing && stat(path, &old) == 0 ? old : nil
        let file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0o700)
        guard file >= 0 else {
            throw CommandFailure(
                errno == EEXIST ? "\(target) exists already" : "cannot create \(target): \(message(errno))")
        }
        do throws(CommandFailure) {
            defer { close(file) }
            if let replaced { try take(replaced, for: file, path) }
            // The mode that was asked for and not what the umask leaves of it. After the owner, for whom it is meant.
            guard fchmod(file, replaced.map { $0.st_mode & 0o777 & widest } ?? mode) == 0 else {
                throw CommandFailure("cannot create \(target): \(message(errno))")
            }
            try contents.withUnsafeBytes { bytes throws(CommandFailure) in try Output.write(bytes, to: file) }
            guard fsync(file) == 0 else { throw CommandFailure("cannot write \(target): \(message(errno))") }
            if replacing {
                guard rename(target, path) == 0 else { throw CommandFailure("cannot replace \(path): \(message(errno))") }
            }
        } catch {
            unlink(target)
            throw error
        }
    }

    /// Gives a new file the owner and the group of the one that it replaces.
    private static func take(_ old: stat, for file: CInt, _ path: String) throws(CommandFailure) {
        var new = stat()
        guard fstat(file, &new) == 0 else { throw CommandFailure("cannot replace \(path): \(message(errno))") }
        guard (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) else { return }
        // With its mode and another owner it would be open to others than before.
        guard fchown(file, old.st_uid, old.st_gid) == 0 else {
            throw CommandFailure(
                "cannot replace \(path): the new file would not belong to the same user and group (\(message(errno))); run this as root"
            )
        }
    }

    static func message(_ code: CInt) -> String { String(cString: strerror(code)) }
}
