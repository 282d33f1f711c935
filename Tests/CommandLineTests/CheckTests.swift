import Glibc
import TestSupport
import Testing

/// What `kes server --check` finds beyond the file's text.
@Suite struct CheckTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
    }

    private func check(_ arguments: String...) throws -> CommandResult {
        try run(
            kesPath(), ["server", "--check", "--config", deployment.configuration] + arguments, environment: cleaned([:]))
    }

    @Test(arguments: [
        ("/v1/keys/create/*", "did you mean '/v1/key/create/*'?"), ("/v1/key/creat/my-*", "did you mean '/v1/key/create/my-*'?"),
        ("/v1/key/create", "did you mean '/v1/key/create/*'?"), ("/v1/key/create/", "did you mean '/v1/key/create/*'?"),
        ("/v1/status/", "did you mean '/v1/status'?"), ("/v1/log/audi", "did you mean '/v1/log/audit'?"),
        ("/v1/key/create/a/b", "the server lists its APIs when it starts"), ("/v2/*", "the server lists its APIs when it starts"),
        ("/v1/k*s/create/x", "did you mean '/v1/key/create/x'?"),
    ])
    func aPatternThatMatchesNoAPIIsPointedOut(pattern: String, advice: String) throws {
        try deployment.configure(keystore: "mem: {}", allow: [pattern])
        let result = try check()
        #expect(result.code == 0)
        #expect(
            result.errorText.contains("Warning: \(deployment.configuration):7:14: '\(pattern)' matches no API; \(advice)\n"),
            "\(result.errorText)")
    }

    @Test func patternsThatMatchSomethingAreNotPointedOut() throws {
        let patterns = [
            "*", "/*", "/v1*", "/v1/*", "/v1/key/*", "/v1/key/*/my-*", "/v1/*/create/x", "/v1/key/create/*",
            "/v1/key/create/app*x",
            "/v1/key/bulk/decrypt/*", "/v1/key/bulk/*", "/v1/key/list/", "/v1/key/list/*", "/v1/k*y/**", "/v1/metrics",
            "/v1/metrics*",
            "/version", "/v1/identity/self/describe", "/v1/log/*", "/v1/policy/*/*", "/*/*/*/*", "/v1/api", "/v1/key/dec*",
        ]
        try deployment.configure(keystore: "mem: {}", allow: patterns, deny: patterns)
        let result = try check()
        #expect(result.code == 0 && !result.errorText.contains("matches no"), "\(result.errorText)")
    }
}
