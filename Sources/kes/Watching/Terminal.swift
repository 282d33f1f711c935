import Glibc
import SecureBytes

/// Asks the person at the terminal, whatever standard input and output are.
enum Terminal {
    // Longer than any password that someone types.
    private static let maximumPasswordLength = 1024

    /// Asks for a password without showing it. It is an error when there is no terminal.
    static func password(_ prompt: String) throws(CommandFailure) -> SecretBytes {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { throw CommandFailure("a password is needed, and there is no terminal to ask for it") }
        defer { close(terminal) }
        try Echo.switchOff(terminal)
        defer { Echo.switchOn() }
        // Not before: what is typed until the echo is off is dropped.
        try Output.write(prompt, to: terminal)
        let password = try line(terminal)
        // The line end that was typed did not show either.
        try Output.write("\n", to: terminal)
        return password
    }

    /// Asks for a new password, twice.
    static func newPassword() throws(CommandFailure) -> SecretBytes {
        let password = try password("Password for the private key: ")
        guard password.count > 0 else { throw CommandFailure("the password is empty") }
        guard try Self.password("The same once more: ") == password else { throw CommandFailure("the passwords differ") }
        return password
    }

    private static func line(_ terminal: CInt) throws(CommandFailure) -> SecretBytes {
        var count = 0
        let buffer = SecretBytes(count: maximumPasswordLength) { bytes in
            while count < bytes.count {
                let got = read(terminal, bytes.baseAddress.map { $0 + count }, 1)
                if got < 0, errno == EINTR { continue }
                guard got == 1, bytes[count] != UInt8(ascii: "\n") else { break }
                count += 1
            }
        }
        guard count < maximumPasswordLength else { throw CommandFailure("the password is too long") }
        return buffer.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
