import KESClient
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("127.0.0.1:7373", "127.0.0.1", 7373), ("https://kes.example.com:7373/", "kes.example.com", 7373),
        ("HTTPS://kes.example.com", "kes.example.com", 443), ("localhost", "localhost", 443), ("[::1]:7373", "::1", 7373),
        ("https://[2001:db8::1]", "2001:db8::1", 443), ("::1", "::1", 443), ("https://host:1///", "host", 1),
    ])
    func anEndpointIsAHostAndAPort(text: String, host: String, port: Int) throws {
        let endpoint = try Endpoint(text)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(try Endpoint(endpoint.description) == endpoint)
    }

    @Test(arguments: [
        "", "https://", "http://host:1", "ftp://host", ":7373", "host:", "host:0", "host:65536", "host:+1", "host:1x", "[::1",
        "[::1]x",
        "[host]:1", "user@host:1", "host/path", "host:1?query", "ho st:1", "https://https://host", "höst:1",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(throws: KESError.self) { try Endpoint(text) }
    }

    @Test func aListIsSeparatedByCommas() throws {
        #expect(try Endpoint.list("a:1,https://b:2/, c:3 ,").map(\.description) == ["a:1", "b:2", "c:3"])
        #expect(throws: KESError.self) { try Endpoint.list(",") }
        #expect(throws: KESError.self) { try Endpoint.list("a:1,b:x") }
    }
}
