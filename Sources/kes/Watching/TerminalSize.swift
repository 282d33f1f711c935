import Glibc

/// How large the terminal on standard output is.
struct TerminalSize: Equatable {
    let columns: Int
    let rows: Int

    /// As it is now. Where nobody says, it is the classic 80 by 24.
    static var current: TerminalSize {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return TerminalSize(columns: 80, rows: 24)
        }
        return TerminalSize(columns: Int(size.ws_col), rows: max(Int(size.ws_row), 1))
    }
}
