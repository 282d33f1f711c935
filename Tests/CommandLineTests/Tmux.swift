import Glibc
import TestSupport
import Testing

/// A program on a terminal of a size of the test's choice, which `tmux` makes and whose screen it can show.
final class Tmux {
    private let directory: TemporaryDirectory
    private let environment: [String: String?]

    struct NeverShown: Error {
        let text: String
        let screen: String
    }

    init(shell command: String, columns: Int, rows: Int, environment: [String: String] = [:]) throws {
        directory = try TemporaryDirectory("kes-tmux")
        var environment = cleaned(environment)
        // What is drawn is UTF-8, whatever the tests' own locale.
        environment["LC_ALL"] = "C.UTF-8"
        environment["TMUX"] = .some(nil)
        self.environment = environment
        try tmux("new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", command)
    }

    deinit {
        // The program ends with its terminal. It may have ended before.
        _ = try? tmux("kill-server")
    }

    /// What the screen shows, without the spaces at the ends of lines and the empty lines at its end.
    func screen(withStyles: Bool = false) throws -> String {
        let text = try withStyles ? tmux("capture-pane", "-p", "-e") : tmux("capture-pane", "-p")
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n").trimmed
    }

    /// Waits until the screen shows `text`, and returns all of it.
    @discardableResult
    func wait(for text: String) throws -> String {
        try wait(for: text) { $0.contains(text) }
    }

    @discardableResult
    func wait(for what: String, _ isShown: (String) -> Bool) throws -> String {
        // Each look is a process of its own: a minute.
        for _ in 0..<2_000 {
            let shown = try screen()
            if isShown(shown) { return shown }
        }
        throw NeverShown(text: what, screen: try screen())
    }

    func type(_ key: String) throws { try tmux("send-keys", key) }

    func resize(columns: Int, rows: Int) throws { try tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)") }

    /// Whether the cursor shows, and whether the program has a screen of its own.
    func state() throws -> String { try tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").trimmed }

    @discardableResult
    private func tmux(_ arguments: String...) throws -> String {
        let result = try run(
            "tmux", ["-u", "-S", directory.file("socket"), "-f", "/dev/null"] + arguments, environment: environment)
        return result.code == 0 ? result.text : ""
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
