import TestSupport
import Testing

/// What `kes policy create` says of a file before it calls any server.
@Suite struct PolicyFileTests {
    private func create(_ contents: String) throws -> CommandResult {
        let directory = try TemporaryDirectory()
        let file = try directory.write(contents, to: "policy.yml")
        return try kes(
            "policy", "create", "p", file, environment: ["KES_SERVER": "127.0.0.1:1", "KES_API_KEY": Sample.apiKey])
    }

    @Test(arguments: [
        #"{"allow":{"/v1/key/create/my*":{}},"deny":{}}"#, #"{"allow":["/v1/key/create/my*"]}"#,
        "allow:\n- /v1/key/create/my*\ndeny:\n- /v1/key/create/my-internal*\n", "deny: []\nallow:\n  /v1/key/create/my*: {}\n",
        "allow:\n", "version: v1\nallow: [ /v1/status ]\n", #"{"version":"","deny":{"/v1/status":{}}}"#,
    ])
    func jsonAndYAMLAreTaken(contents: String) throws {
        // What fails is the call.
        #expect(try create(contents).errorText.hasPrefix("Error: failed to create policy 'p': cannot connect to 127.0.0.1:1"))
    }

    @Test(arguments: [
        ("", "holds no policy"), ("- /v1/key/create/my*\n", "holds no policy"), ("allow: [", "is neither JSON nor YAML"),
        ("allow: /v1/key/create/my*\n", "are lists of patterns"), ("allow: [ [ a ] ]\n", "a pattern has to be text"),
        ("allow: []\nalow: []\n", "policy.yml:2:1: 'alow' is unknown"),
        ("version: v2\nallow: []\n", "policy.yml:1:1: the only version is v1"),
        // Each would be a `deny` that denies nothing.
        ("deny: { <<: { /v1/key/delete/*: {} } }\n", "policy.yml:1:9: '<<' merges nothing here"),
        ("deny: [ '${PATTERN}' ]\n", "policy.yml:1:9: no variable is replaced here"),
    ])
    func whatIsNoPolicyIsAnError(contents: String, expected: String) throws {
        let result = try create(contents)
        #expect(result.code == 1)
        #expect(result.errorText.contains(expected), "\(result.errorText)")
    }

    @Test func whatIsNotUTF8IsAnError() throws {
        let directory = try TemporaryDirectory()
        let contents = Array("deny: [ /v1/key/delete/".utf8) + [0xE9, 0x2A] + Array(" ]\n".utf8)
        let file = try directory.write(contents, to: "policy.yml")
        #expect(try kes("policy", "create", "p", file).errorText == "Error: \(file) is not UTF-8; save it as UTF-8\n")
    }

    @Test func aFileThatIsNotThereIsNamed() throws {
        let result = try kes("policy", "create", "p", "/nonexistent/p.yml")
        #expect(result.errorText == "Error: cannot read /nonexistent/p.yml: No such file or directory\n")
    }
}
