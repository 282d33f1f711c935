import Host
import Testing

@Suite("What a configuration file may say but most likely does not mean")
struct WarningTests {
    @Test(
        "A file that is allowed but suspicious starts, with a warning that says where",
        arguments: [
            ("policy: { p: { deny: [ v1/key/delete/* ] } }", "8:24", "matches no path; a path starts with '/'"),
            ("policy: { p: { deny: [ '' ] } }", "8:24", "matches no path; a path starts with '/'"),
            ("policy: { p: { allow: [ '/v1/key/create/?' ] } }", "8:25", "only '*' is special"),
            ("policy: { p: { allow: [ '/v1/key/create/[ab]*' ] } }", "8:25", "only '*' is special"),
            ("policy: { p: { identities: [ \(appIdentity), \(appIdentity) ] } }", "8:96", "is listed twice, first at line 8"),
            ("policy: { p: { allow: [ /v1/key/creat/my-* ] } }", "8:25", "matches no API; did you mean '/v1/key/create/my-*'?"),
            (
                "policy: { p: { allow: [ /v1/key/* ], deny: [ /v1/key/*/secret* ] } }", "8:46",
                "deny '/v1/key/bulk/decrypt/secret*' as well"
            ),
            (
                "policy: { p: { allow: [ /v1/key/bulk/*/my-* ], deny: [ /v1/key/decrypt/my-secret ] } }", "8:56",
                "deny '/v1/key/bulk/decrypt/my-secret' as well"
            ),
            ("api: { /v1/key/create/: { skip_auth: on } }", "8:38", "without a certificate or a policy"),
        ])
    func warnings(text: String, place: String, words: String) throws {
        let warnings = try parse(minimalText + text).origin.warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.description.hasPrefix("kes.yml:\(place): ") == true, "\(warnings)")
        #expect(warnings.first?.message.contains(words) == true, "\(warnings)")
    }

    @Test(
        "Of a deny for decryption there is no warning where bulk decryption is denied, or not allowed",
        arguments: [
            "allow: [ /v1/key/* ], deny: [ /v1/key/*/secret*, /v1/key/bulk/decrypt/secret* ]",
            "allow: [ /v1/key/* ], deny: [ /v1/key/decrypt/a, /v1/key/bulk/* ]",
            "allow: [ /v1/key/*/my-* ], deny: [ /v1/key/*/my-secret* ]",
            "allow: [ /v1/key/* ], deny: [ /v1/key/generate/secret* ]",
        ])
    func bulkDecryptionIsCovered(rules: String) throws {
        #expect(try parse(minimalText + "policy: { p: { \(rules) } }").origin.warnings.isEmpty)
    }

    @Test(
        "An administrator that was meant to be an identity is pointed out; any other text switches it off silently",
        arguments: [
            (String(adminIdentity.dropLast()), 1), (adminIdentity + "0", 1), (adminIdentity.uppercased(), 1), ("disabled", 0),
            ("_", 0),
            ("my-admin", 0),
        ])
    func administrator(text: String, count: Int) throws {
        let configuration = try parse("admin: { identity: \(text) }\ntls: { key: k, cert: c }\nkeystore: { mem: {} }\n")
        #expect(configuration.admin == nil)
        #expect(configuration.origin.warnings.count == count)
    }
}
