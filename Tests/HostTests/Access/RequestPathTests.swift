import Host
import Testing

@Suite("Request paths")
struct RequestPathTests {
    @Test(
        "A target that names a path gives that path, percent-decoded once and without the query",
        arguments: [
            ("/v1/status", "/v1/status"), ("/v1/status?a=b/../c", "/v1/status"), ("/v1/status?", "/v1/status"),
            ("/v1/key/list/", "/v1/key/list/"), ("/v1/key/list/?x", "/v1/key/list/"), ("/v1/key/list/*", "/v1/key/list/*"),
            ("/v1/key/list/my%2A", "/v1/key/list/my*"), ("/v1/key/create/%6dy-key", "/v1/key/create/my-key"),
            ("/v1/key/create/my%20key", "/v1/key/create/my key"), ("/v1/key/create/a+b", "/v1/key/create/a+b"),
            ("/v1/key/list/p%40last", "/v1/key/list/p@last"), ("/v1/key/list/p@last", "/v1/key/list/p@last"),
            // Decoded once: what is left is a name with a percent sign in it, which no resource has.
            ("/v1/key/create/%252e%252e", "/v1/key/create/%2e%2e"), ("/v1/key/create/a%252Fb", "/v1/key/create/a%2Fb"),
            // Dots that are no dot segments.
            ("/v1/.hidden", "/v1/.hidden"), ("/v1/...", "/v1/..."), ("/v1/..a", "/v1/..a"), ("/v1/a..", "/v1/a.."),
            ("/v1/a.b", "/v1/a.b"), ("/v1/%2E%2E%2E", "/v1/..."), ("/", "/"),
            ("/v1/key/create/%E2%82%AC", "/v1/key/create/\u{20AC}"), ("/v1/a%3Fb", "/v1/a?b"), ("/v1/a%23b", "/v1/a#b"),
            // Absolute form.
            ("https://localhost:7373/v1/status?x", "/v1/status"), ("HTTP://h/v1/st%61tus", "/v1/status"),
        ])
    func accepted(target: String, path: String) throws {
        let decoded = try RequestPath.decode(target)
        // Compared as bytes: equal strings may have different bytes.
        #expect(Array(decoded.utf8) == Array(path.utf8), "\(target)")
    }

    @Test(
        "A path with dot segments, empty segments or an encoded slash names nothing",
        arguments: [
            "/v1/../v1/status", "/..", "/.", "/v1/.", "/v1/..", "/v1/./status", "/v1/status/..", "/v1/status/.",
            "/../../etc/passwd",
            "//v1/status", "/v1//status", "/v1/status//", "//", "/v1/key/create//a", "/v1/%2e%2e/status", "/v1/%2E%2E/status",
            "/v1/.%2e/status", "/v1/%2e./status", "/v1/%2e/status", "/v1/key/create/a%2fb", "/v1/key/create/a%2Fb",
            "/v1%2fstatus",
            "/%2e%2e", "/%2F", "/v1/key/create/..%2fdelete", "/v1/key/create/x/%2e%2e/%2e%2e/delete/x", "/v1/status/%2e?x=1",
            "https://localhost", "https://localhost?x", "https://localhost/v1/../status", "https://localhost//v1",
        ])
    func namesNothing(target: String) {
        #expect(throws: RequestPathRejection.namesNothing) { try RequestPath.decode(target) }
    }

    @Test(
        "A target that is malformed is refused as such",
        arguments: [
            "", "*", "v1/status", "?x", "example.com:443", "ftp://h/v1/status", "https:/v1/status", "https://",
            "/v1/status%", "/v1/status%4", "/v1/status%zz", "/v1/status%4g", "/v1/status%%41", "/v1/%u0041", "/v1/%-1", "/v1/%+1",
            "/v1/status%00", "/v1/%00/status", "/v1/status%0a", "/v1/status%0D%0Ax", "/v1/status%7f", "/v1/status%1b",
            "/v1/%ff", "/v1/%c0%ae%c0%ae/status", "/v1/%c0%af", "/v1/%e0%80%af", "/v1/%ed%a0%80", "/v1/%e2%82",
            "/v1/%f8%80%80%80%af",
            "/v1/sta tus", "/v1/status\u{0}", "/v1/status\n", "/v1/status\r\nX: y", "/v1/\tstatus", "/v1/status#fragment",
            "/v1/\u{7f}",
        ])
    func malformed(target: String) {
        let rejection = #expect(throws: RequestPathRejection.self) { try RequestPath.decode(target) }
        guard case .malformed(let reason)? = rejection else {
            Issue.record("\(target) gave \(String(describing: rejection))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test("A path has 1,024 bytes at most, decoded", arguments: ["a", "%61"])
    func length(character: String) throws {
        let longest = "/" + String(repeating: character, count: 1023)
        #expect(try RequestPath.decode(longest + "?query").utf8.count == 1024)
        #expect(throws: RequestPathRejection.malformed("it is longer than 1024 bytes")) {
            try RequestPath.decode(longest + character)
        }
    }

    @Test("What is decoded from random bytes never has a dot segment, an inner empty segment or a control character")
    func neverForbidden() throws {
        let alphabet = ["/", "/", ".", ".", "%2e", "%2f", "%", "a", "%61", "%00", "?", "%25", "%c3", "%a9", "#"]
        var accepted = 0
        for _ in 0..<40_000 {
            let target = "/" + (0..<Int.random(in: 0...8)).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }.joined()
            guard let path = try? RequestPath.decode(target) else { continue }
            accepted += 1
            let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Array($0) }
            #expect(segments.first?.isEmpty == true, "\(target)")
            for segment in segments.dropFirst().dropLast() { #expect(!segment.isEmpty, "\(target)") }
            for segment in segments { #expect(segment != [0x2e] && segment != [0x2e, 0x2e], "\(target)") }
            #expect(path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "\(target)")
            // Every slash of the path is one that the target wrote as a slash.
            #expect(
                path.utf8.filter { $0 == 0x2f }.count == target.prefix { $0 != "?" }.utf8.filter { $0 == 0x2f }.count, "\(target)"
            )
        }
        #expect(accepted > 1000)
    }
}
