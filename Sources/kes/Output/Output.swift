import ArgumentParser
import Glibc
import KESClient
import SecureBytes

/// Whether output is coloured.
enum ColorMode: String, ExpressibleByArgument, CaseIterable {
    case auto
    case always
    case never
}

/// How results go to standard output.
struct Output {
    /// Whether a person reads along.
    let isTerminal: Bool
    let hasColors: Bool

    init(color: ColorMode) {
        isTerminal = isatty(STDOUT_FILENO) == 1
        hasColors =
            switch color {
            case .always: true
            case .never: false
            // https://no-color.org: present and not empty.
            case .auto: isTerminal && Environment.value("NO_COLOR") == nil && Environment.value("TERM") != "dumb"
            }
    }

    // MARK: - Styles

    /// All of them; `TerminalText` lets no others pass. The values are codes of ECMA-48, section 8.3.117 (SGR).
    enum Style: Int, CaseIterable {
        case plain = 0
        case bold = 1
        case faint = 2
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36

        /// What a terminal is told.
        var sequence: String { "\u{1b}[\(rawValue)m" }
    }

    /// What draws attention: a name, a heading.
    func bold(_ text: String) -> String { styled(text, .bold) }
    /// What explains.
    func faint(_ text: String) -> String { styled(text, .faint) }
    /// What is well.
    func green(_ text: String) -> String { styled(text, .green) }
    /// What to look at.
    func yellow(_ text: String) -> String { styled(text, .yellow) }
    /// What is not.
    func red(_ text: String) -> String { styled(text, .red) }
    /// What is drawn.
    func cyan(_ text: String) -> String { styled(text, .cyan) }

    private func styled(_ text: String, _ style: Style) -> String {
        hasColors ? style.sequence + text + Style.plain.sequence : text
    }

    /// Lines of `LABEL  VALUE`, the values in one column. A value is one line, whoever chose it.
    func table(_ rows: [(label: String, value: String)]) -> String {
        let width = rows.map(\.label.count).max() ?? 0
        return rows.map { row in
            let padding = String(repeating: " ", count: width - row.label.count)
            return "\(faint(row.label))\(padding)  \(row.value.replacing("\n", with: "\\u{a}"))\n"
        }.joined()
    }

    // MARK: - Writing

    /// Writes a line.
    func line(_ text: String) throws(CommandFailure) {
        try self.text(text + "\n")
    }

    /// Writes lines.
    func text(_ text: String) throws(CommandFailure) {
        try Self.write(TerminalText.safe(text), to: STDOUT_FILENO)
    }

    /// Writes a line of JSON, as it is but for what a terminal would obey, which JSON can say in another way.
    func json(_ text: String) throws(CommandFailure) {
        try Self.write(TerminalText.safeJSON(text) + "\n", to: STDOUT_FILENO)
    }

    /// Writes secret bytes from where they are to the file: no buffer keeps a copy.
    func secret(_ secret: SecretBytes) throws(CommandFailure) {
        try secret.withUnsafeBytes { bytes throws(CommandFailure) in try Self.write(bytes, to: STDOUT_FILENO) }
    }

    static func write(_ text: String, to file: CInt) throws(CommandFailure) {
        let bytes = SecretText.assemble([.plain(text)])
        try bytes.withUnsafeBytes { bytes throws(CommandFailure) in try write(bytes, to: file) }
    }

    static func write(_ bytes: UnsafeRawBufferPointer, to file: CInt) throws(CommandFailure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(file, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if file == STDOUT_FILENO, errno == EPIPE { throw CommandFailure.nobodyReads }
                throw CommandFailure("cannot write the output: \(String(cString: strerror(errno)))")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
