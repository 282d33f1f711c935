import Host
import Testing

@Suite("What a plugin's process writes")
struct OutputLinesTests {
    /// The lines that come of pieces, each at its time in seconds.
    private func lines(_ pieces: [(text: String, second: UInt64)]) -> [String] {
        var lines = OutputLines()
        var given: [String] = []
        for piece in pieces {
            var text = piece.text
            text.withUTF8 { bytes in
                lines.take(UnsafeRawBufferPointer(bytes), at: MonotonicTime(nanoseconds: piece.second * 1_000_000_000)) {
                    given.append($0)
                }
            }
        }
        lines.finish(at: MonotonicTime(nanoseconds: (pieces.last?.second ?? 0) * 1_000_000_000)) { given.append($0) }
        return given
    }

    @Test("becomes lines however it comes in pieces")
    func pieces() {
        #expect(lines([("a\nb", 1), ("c\r\n\n", 1), ("\n", 2), ("d", 2)]) == ["a", "bc", "d"])
        #expect(lines([("", 1)]) == [])
    }

    @Test("is cut where a line is too long, and nothing of the rest is kept")
    func long() {
        let long = String(repeating: "x", count: 1024)
        #expect(lines([(long + "\nb\n", 1)]) == [long, "b"])
        #expect(lines([(long, 1), ("yyy", 1), (long, 1), ("\nb\n", 1)]) == [long + " …", "b"])
    }

    @Test("is left out where there is too much within a second, and counted")
    func many() {
        let flood = String(repeating: "x\n", count: 250)
        let given = lines([(flood, 1), ("later\n", 2), (flood, 3)])
        let expected =
            [String](repeating: "x", count: 100) + ["(and 150 more lines within a second)", "later"]
            + [String](repeating: "x", count: 100) + ["(and 150 more lines within a second)"]
        #expect(given == expected)
    }

    @Test("can neither forge a line nor move the cursor")
    func harmless() {
        #expect(lines([("a\u{1b}[2J\u{202e}b\n", 1)]) == [#"a\u{1b}[2J\u{202e}b"#])
    }
}
