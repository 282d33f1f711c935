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
    /// in one step, so that no one sees half of it.
    static func create(
        _ path: String, _ contents: SecretBytes, mode: mode_t, replacing: Bool = false
    ) throws(CommandFailure) {
        let target = replacing ? "\(path).\(getpid()).tmp" : path
        let file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else {
            throw CommandFailure(
                errno == EEXIST ? "\(target) exists already" : "cannot create \(target): \(message(errno))")
        }
        do throws(CommandFailure) {
            defer { close(file) }
            // The mode that was asked for and not what the umask leaves of it.
            guard fchmod(file, mode) == 0 else { throw CommandFailure("cannot create \(target): \(message(errno))") }
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

    static func message(_ code: CInt) -> String { String(cString: strerror(code)) }
}
