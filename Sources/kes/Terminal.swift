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
        try Output.write(prompt, to: terminal)
        let password = try withoutEcho(terminal) { () throws(CommandFailure) in try line(terminal) }
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

    private static func withoutEcho<R>(_ terminal: CInt, _ body: () throws(CommandFailure) -> R) throws(CommandFailure) -> R {
        var before = termios()
        guard tcgetattr(terminal, &before) == 0 else { throw CommandFailure("cannot switch off the terminal's echo") }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        silent.c_lflag |= tcflag_t(ICANON)
        // Ctrl-C must not leave the shell without echo: signals wait until it is back on.
        var (interrupts, previous) = (sigset_t(), sigset_t())
        sigemptyset(&interrupts)
        for signal in [SIGINT, SIGTERM, SIGTSTP, SIGQUIT, SIGHUP] { sigaddset(&interrupts, signal) }
        // In the foreground process group the line discipline would send the signals for Ctrl-C; here it ends the line instead.
        silent.c_lflag &= ~tcflag_t(ISIG)
        pthread_sigmask(SIG_BLOCK, &interrupts, &previous)
        defer {
            tcsetattr(terminal, TCSAFLUSH, &before)
            pthread_sigmask(SIG_SETMASK, &previous, nil)
        }
        guard tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else {
            throw CommandFailure("cannot switch off the terminal's echo")
        }
        return try body()
    }

    private static func line(_ terminal: CInt) throws(CommandFailure) -> SecretBytes {
        var count = 0
        var isCancelled = false
        let buffer = SecretBytes(count: maximumPasswordLength) { bytes in
            while count < bytes.count {
                let got = read(terminal, bytes.baseAddress.map { $0 + count }, 1)
                if got < 0, errno == EINTR { continue }
                guard got == 1, bytes[count] != UInt8(ascii: "\n") else { break }
                // Ctrl-C, which arrives as a character while signals are off.
                if bytes[count] == 3 { isCancelled = true }
                count += 1
            }
        }
        guard !isCancelled else { throw CommandFailure("cancelled") }
        guard count < maximumPasswordLength else { throw CommandFailure("the password is too long") }
        return buffer.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
