import TestSupport
import Testing

/// What others chose is shown, and not obeyed: by a terminal, or by who reads it line by line.
@Suite struct TerminalTextTests {
    private let server: ServerProcess
    /// Clears the screen, sets the terminal's title, is a control sequence of one character, and turns the direction of writing.
    private static let commands = #"\e[2J\e]0;title\a\u009b31m\u202e"#

    init() throws {
        let deployment = try Deployment()
        // Files can hold such patterns. Requests cannot write them.
        try deployment.configure(keystore: "mem: {}", allow: ["/v1/\(Self.commands)x", #"/v1/status\n  - /v1/key/*"#])
        server = try ServerProcess(deployment)
    }

    /// What a person sees, whose terminal this is.
    private func shown(_ command: String) throws -> String {
        let environment = server.environment(for: server.deployment.admin)
        return try run("script", ["-qec", "\(kesPath()) \(command)", "/dev/null"], environment: environment).text
    }

    @Test func aPolicyIsShownAsItIsWritten() throws {
        let text = try shown("policy show user --color never")
        #expect(text.contains(#"- /v1/\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}x"#))
        #expect(text.contains(#"- /v1/status\u{a}  - /v1/key/*"#))
        #expect(text.unicodeScalars.allSatisfy { $0.isASCII && ($0.value >= 0x20 || $0 == "\r" || $0 == "\n") }, "\(text)")
        // The program's own styles stay.
        #expect(try shown("policy show user --color always").hasPrefix("\u{1b}[32mallow\u{1b}[0m:"))
    }

    @Test func jsonSaysTheSameInItsOwnWay() throws {
        let result = try server.kes(["policy", "show", "user", "--json"], as: server.deployment.admin)
        #expect(result.text.contains(#""/v1/\u001b[2J\u001b]0;title\u0007\u009b31m\u202ex":{}"#), "\(result.text)")
        #expect(result.text.utf8.allSatisfy { $0 < 0x7f })
    }

    @Test func anErrorIsNotObeyedEither() throws {
        let result = try server.kes(["policy", "show", "p\u{1b}]0;title\u{7}\u{9b}"], as: server.deployment.admin)
        #expect(result.code != 0 && result.errorText.contains(#"\u{1b}]0;title\u{7}\u{9b}"#), "\(result.errorText)")
    }
}
