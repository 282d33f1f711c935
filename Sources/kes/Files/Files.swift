import Credentials
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
        guard file >= 0 else { throw unreadable(path, errno) }
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
            guard count >= 0 else { throw unreadable(path, code) }
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

    /// A path may be an API key that was mistyped, or that has a space in front.
    private static func unreadable(_ path: String, _ code: CInt) -> CommandFailure {
        CommandFailure("cannot read \(APIKey.masked(in: path)): \(message(code))")
    }

    /// Writes a new file, durably. It is an error when there is one.
    static func create(_ path: String, _ contents: SecretBytes, mode: mode_t) throws(CommandFailure) {
        try PendingFile(path, contents, mode: mode).publish()
    }

    static func message(_ code: CInt) -> String { String(cString: strerror(code)) }
}
