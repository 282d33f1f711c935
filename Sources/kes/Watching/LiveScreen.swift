import Glibc

/// A screen of its own on the terminal, which gives way to what was there before when it is closed, or when Ctrl-C ends the process.
struct LiveScreen {
    // xterm's alternate screen, and the cursor hidden; every terminal of today knows both, and tmux and screen too.
    private static let open = "\u{1b}[?1049h\u{1b}[?25l"
    private static let close: StaticString = "\u{1b}[?25h\u{1b}[?1049l"

    init() throws(CommandFailure) {
        // What is typed must not show among what is drawn.
        try Echo.switchOff(STDOUT_FILENO, farewell: Self.close)
        try Output.write(Self.open, to: STDOUT_FILENO)
    }

    func draw(_ lines: [String]) throws(CommandFailure) {
        // Each line replaces the one that was there: nothing flickers.
        let text = lines.map { "\($0)\u{1b}[K" }.joined(separator: "\r\n")
        try Output.write("\u{1b}[H\(text)\u{1b}[J", to: STDOUT_FILENO)
    }

    func finish() {
        // The terminal may be gone.
        try? Output.write("\(Self.close)", to: STDOUT_FILENO)
        Echo.switchOn()
    }
}
