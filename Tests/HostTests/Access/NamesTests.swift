import Host
import Testing

@Suite("Names and listing patterns")
struct NamesTests {
    @Test(
        "A name has 1 to 80 characters of 0-9 A-Z a-z - _, no - at an end, and is not just _",
        arguments: [
            ("a", true), ("0", true), ("Z", true), ("my-key", true), ("my_key", true), ("_a", true), ("a_", true), ("__", true),
            (String(repeating: "k", count: 80), true), ("", false), (String(repeating: "k", count: 81), false), ("-", false),
            ("-a", false), ("a-", false), ("_", false), ("a.b", false), ("a/b", false), ("a b", false), ("a*", false),
            ("a@b", false),
            ("a\u{0}", false), ("..", false), ("\u{E9}", false), ("\u{212A}", false), ("a\u{301}", false), ("a\n", false),
        ])
    func names(name: String, isValid: Bool) {
        #expect(Names.isValid(name) == isValid)
    }

    @Test("A bad name is refused in the words that clients know")
    func messages() {
        #expect(throws: NameError.badName("a b", .key)) { try Names.check("a b", as: .key) }
        #expect(NameError.badName("a b", .key).message == "key name 'a b' is empty, too long or contains invalid characters")
        #expect(NameError.badName("", .policy).message == "policy name '' is empty, too long or contains invalid characters")
        #expect(NameError.badName("x!", .identity).message == "identity 'x!' is empty, too long or contains invalid characters")
        #expect(NameError.badListPattern("a*b").message == "listing pattern 'a*b' is empty, too long or is invalid")
    }

    @Test(
        "A listing pattern is a prefix, with or without a star, or the token of an earlier page",
        arguments: [
            ("", "", nil), ("*", "", nil), ("my-", "my-", nil), ("my-*", "my-", nil), ("-a", "-a", nil), ("_", "_", nil),
            ("my@my-key", "my", "my-key"), ("@k", "", "k"), ("my@my-key*", "my", "my-key"),
        ] as [(String, String, String?)])
    func listPatterns(text: String, prefix: String, after: String?) throws {
        let pattern = try ListPattern(text)
        #expect(pattern.prefix == prefix)
        #expect(pattern.after == after)
    }

    @Test(
        "A listing pattern with anything else is refused",
        arguments: [
            "a*b", "**", "a**", "a.b", "a/b", "a b", String(repeating: "k", count: 81), "my@your-key", "my@", "@", "my@my@my",
            "my*@my",
        ])
    func badListPatterns(text: String) {
        #expect(throws: NameError.badListPattern(text)) { try ListPattern(text) }
    }

    @Test("The token of a page is a pattern that continues the same listing")
    func token() throws {
        let first = try ListPattern("my-app*")
        let next = try ListPattern(first.token(after: "my-app-7"))
        #expect(next.prefix == "my-app")
        #expect(next.after == "my-app-7")
        #expect(try ListPattern(next.token(after: "my-app-9")) == ListPattern("my-app@my-app-9"))
        // A policy that allows the listing allows its pages.
        #expect(Pattern("/v1/key/list/my-app*").matches("/v1/key/list/\(first.token(after: "my-app-7"))"))
    }
}
