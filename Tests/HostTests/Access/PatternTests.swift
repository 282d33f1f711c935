import Host
import Testing

@Suite("Policy patterns")
struct PatternTests {
    @Test("A pattern that comes again, byte for byte, counts once")
    func repeated() {
        let list = PatternList(["/b", "/a", "/b", "/v1/\u{212A}", "/v1/K", "/a"])
        #expect(list.patterns.map { Array($0.text.utf8) } == ["/b", "/a", "/v1/\u{212A}", "/v1/K"].map { Array($0.utf8) })
    }

    @Test(
        "A pattern matches the equal path, what a final * leaves open, and within a segment what an inner * leaves open",
        arguments: [
            // No star: equal.
            ("/v1/status", "/v1/status", true), ("/v1/status", "/v1/statu", false), ("/v1/status", "/v1/status/", false),
            ("/v1/status", "/V1/status", false), ("", "", true), ("", "/", false),
            // A final star: everything that starts with what precedes it.
            ("/v1/key/create/my-app*", "/v1/key/create/my-app", true),
            ("/v1/key/create/my-app*", "/v1/key/create/my-app-1", true),
            ("/v1/key/create/my-app*", "/v1/key/create/my-ap", false), ("/v1/key/*", "/v1/key/create/a/b", true),
            ("/v1/key/*", "/v1/key", false), ("*", "/anything/at/all", true), ("*", "", true), ("/*", "/", true),
            // An inner star: a run without a slash.
            ("/v1/key/*/my-key", "/v1/key/create/my-key", true), ("/v1/key/*/my-key", "/v1/key//my-key", true),
            ("/v1/key/*/my-key", "/v1/key/bulk/decrypt/my-key", false), ("/v1/key/*/my-key", "/v1/key/create/my-key2", false),
            ("/v1/*/*/a", "/v1/key/create/a", true), ("/v1/*/*/a", "/v1/key/a", false), ("/v1/k*y/x", "/v1/key/x", true),
            ("/v1/k*y/x", "/v1/ky/x", true), ("/v1/k*y/x", "/v1/k/y/x", false), ("/a*b*c", "/aXbYc", true),
            ("/a*b*c", "/abbbc", true), ("/a*b*c", "/acb", false), ("/*a", "/banana", true), ("/*ana", "/bananana", true),
            // Both.
            ("/v1/key/*/my-key-internal*", "/v1/key/create/my-key-internal-7", true),
            ("/v1/key/*/my-key-internal*", "/v1/key/create/my-key-internal/and/more", true),
            ("/v1/key/*/my-key-internal*", "/v1/key/create/my-key", false),
            ("/v1/key/*/my-key-internal*", "/v1/key/a/b/my-key-internal", false), ("/*/x*", "/a/b/x", false),
            ("/a*/b*", "/aXX/bYY/c", true), ("/**", "/a/b", true), ("/**/b", "/a/b", true), ("/a**", "/a/b", true),
            // Only the star is special.
            ("/v1/key/?", "/v1/key/a", false), ("/v1/key/?", "/v1/key/?", true), ("/v1/[ab]", "/v1/a", false),
            ("/v1/[ab]", "/v1/[ab]", true), ("/v1/\\*", "/v1/\\x", true),
            // Bytes, not characters: the Kelvin sign is canonically equivalent to K.
            ("/v1/K", "/v1/\u{212A}", false), ("/v1/caf\u{E9}", "/v1/cafe\u{301}", false), ("/v1/\u{E9}*", "/v1/\u{E9}x", true),
        ])
    func table(pattern: String, path: String, expected: Bool) {
        #expect(Pattern(pattern).matches(path) == expected, "\(pattern) on \(path)")
    }

    @Test("A pattern made to backtrack takes time linear in the lengths")
    func adversarial() {
        // With a step for each way to split the path among the stars, these would not end.
        let stars = String(repeating: "a*", count: 200)
        let path = "/" + String(repeating: "a", count: 4000)
        #expect(!Pattern("/\(stars)b").matches(path))
        #expect(Pattern("/\(stars)").matches(path))
        #expect(!Pattern("/\(stars)b*").matches(path))
        // With the product of the lengths, 10^12 steps.
        let long = String(repeating: "a", count: 1_000_000)
        #expect(!Pattern("/*\(long)b").matches("/\(long)\(long)"))
        #expect(!Pattern("/*\(long)b*").matches("/\(long)\(long)"))
        #expect(Pattern("/*\(long)b*").matches("/\(long)\(long)bc"))
    }

    @Test("Random patterns and paths match exactly when a naive reference matcher says so")
    func agreesWithReference() {
        var random = SystemRandomNumberGenerator()
        var matches = 0
        for _ in 0..<100_000 {
            let pattern = Self.text(of: Array("ab/*".utf8), count: Int.random(in: 0...10, using: &random), &random)
            let path = Self.text(of: Array("ab/".utf8), count: Int.random(in: 0...9, using: &random), &random)
            let expected = Self.reference(Array(pattern.utf8)[...], Array(path.utf8)[...])
            #expect(Pattern(pattern).matches(path) == expected, "\(pattern) on \(path)")
            if expected { matches += 1 }
        }
        // A test in which nothing matches would say little.
        #expect(matches > 1000)
    }

    private static func text(of alphabet: [UInt8], count: Int, _ random: inout SystemRandomNumberGenerator) -> String {
        String(decoding: (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }, as: UTF8.self)
    }

    /// The rule as it reads, by trying everything.
    private static func reference(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        guard first == UInt8(ascii: "*") else { return path.first == first && reference(pattern.dropFirst(), path.dropFirst()) }
        if pattern.count == 1 { return true }
        if reference(pattern.dropFirst(), path) { return true }
        guard let next = path.first, next != UInt8(ascii: "/") else { return false }
        return reference(pattern, path.dropFirst())
    }
}
