import TestSupport
import Testing

/// `kes policy` and `kes identity` against a server.
@Suite struct PolicyCommandTests {
    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
    }

    private func kes(_ arguments: String..., as client: Deployment.Client? = nil) throws -> CommandResult {
        try server.kes(arguments, as: client ?? server.deployment.admin)
    }

    @Test(arguments: [
        #"{"allow":{"/v1/key/create/my*":{},"/v1/key/list/*":{}},"deny":{"/v1/key/create/my-internal*":{}}}"#,
        #"{"allow":["/v1/key/create/my*","/v1/key/list/*"],"deny":["/v1/key/create/my-internal*"]}"#,
        "allow:\n- /v1/key/create/my*\n- /v1/key/list/*\ndeny:\n- /v1/key/create/my-internal*\n",
        "deny: { /v1/key/create/my-internal*: {} }\nallow:\n  /v1/key/create/my*: {}\n  /v1/key/list/*: {}\n",
    ])
    func aPolicyOfAFileIsInForceForWhoItIsAssignedTo(contents: String) throws {
        let file = try server.deployment.directory.write(contents, to: "policy")
        let (admin, stranger) = (server.deployment.admin.identity, server.deployment.stranger)
        let created = try kes("policy", "create", "p", file)
        #expect(created.code == 0 && created.output.isEmpty, "\(created.errorText)")
        #expect(try kes("policy", "assign", "p", stranger.identity.description).code == 0)

        #expect(try kes("key", "create", "my-key", as: stranger).code == 0)
        #expect(try kes("key", "create", "my-internal-key", as: stranger).errorText.contains("not authorized"))
        #expect(try kes("key", "create", "other", as: stranger).errorText.contains("not authorized"))

        let form = /\{"name":"p","created_at":"[^"]+","created_by":"([0-9a-f]{64})"\}\n/
        #expect(try #require(kes("policy", "info", "p").text.wholeMatch(of: form)).output.1 == admin.description)
        let shown = try kes("policy", "show", "p").text
        #expect(
            shown.hasPrefix(
                #"{"allow":{"/v1/key/create/my*":{},"/v1/key/list/*":{}},"deny":{"/v1/key/create/my-internal*":{}},"created_at":"#
            ))
        #expect(try kes("identity", "info", stranger.identity.description).text.contains(#""policy":"p""#))
        // What is shown can be given to `create` again.
        let again = try server.deployment.directory.write(shown, to: "again")
        #expect(try kes("policy", "create", "q", again).code == 0)
        #expect(try kes("policy", "ls").text == "p\nq\nuser\n")
        #expect(try kes("ls", "-p", "--json").text == "[\"p\",\"q\",\"user\"]\n")
    }

    @Test func whatIsDeletedAppliesNoMore() throws {
        let stranger = server.deployment.stranger
        let file = try server.deployment.directory.write("allow: [ /v1/status ]\n", to: "policy")
        #expect(try kes("policy", "create", "p", file).code == 0)
        #expect(try kes("policy", "assign", "p", stranger.identity.description).code == 0)
        let identities = try kes("identity", "ls").text.split(separator: "\n").map(String.init)
        let all = [server.deployment.admin, server.deployment.user, stranger].map(\.identity.description)
        #expect(identities == all.sorted())
        #expect(try kes("ls", "-i", String(stranger.identity.description.prefix(10))).text == "\(stranger.identity)\n")
        #expect(try kes("status", as: stranger).code == 0)

        #expect(try kes("identity", "rm", stranger.identity.description).code == 0)
        #expect(try kes("status", as: stranger).code == 1)
        #expect(try kes("identity", "ls").text.split(separator: "\n").count == 2)
        #expect(try kes("policy", "rm", "p").code == 0)
        #expect(try kes("policy", "ls", "--json").text == "[\"user\"]\n")
        #expect(try kes("policy", "rm", "p").errorText == "Error: failed to delete policy 'p': policy does not exist\n")
        let identity = stranger.identity.description
        #expect(
            try kes("identity", "info", identity).errorText
                == "Error: failed to describe identity '\(identity)': identity does not exist\n")
    }

    @Test func aListingOfNothingIsAnEmptyArray() throws {
        for command in [["key", "ls"], ["policy", "ls"], ["identity", "ls"], ["ls"], ["ls", "-p"], ["ls", "-i"]] {
            let json = try server.kes(command + ["nobody-is-called-so", "--json"], as: server.deployment.admin)
            #expect(json.code == 0 && json.text == "[]\n", "\(command): \(json.text)\(json.errorText)")
            let plain = try server.kes(command + ["nobody-is-called-so"], as: server.deployment.admin)
            #expect(plain.code == 0 && plain.text.isEmpty)
        }
    }

    @Test func changesAreConfirmedInJSONWhenThatIsAskedFor() throws {
        let identity = server.deployment.stranger.identity.description
        let file = try server.deployment.directory.write("allow: [ /v1/status ]\n", to: "policy")
        for (arguments, expected) in [
            (["key", "create", "a", "b"], "{\"key\":\"a\",\"result\":\"created\"}\n{\"key\":\"b\",\"result\":\"created\"}\n"),
            (["key", "rm", "a"], "{\"key\":\"a\",\"result\":\"deleted\"}\n"),
            (["policy", "create", "p", file], "{\"policy\":\"p\",\"result\":\"created\"}\n"),
            (["policy", "assign", "p", identity], "{\"policy\":\"p\",\"result\":\"assigned\"}\n"),
            (["identity", "rm", identity], "{\"identity\":\"\(identity)\",\"result\":\"deleted\"}\n"),
            (["policy", "rm", "p"], "{\"policy\":\"p\",\"result\":\"deleted\"}\n"),
        ] {
            let result = try server.kes(arguments + ["--json"], as: server.deployment.admin)
            #expect(result.code == 0 && result.text == expected, "\(arguments): \(result.text)\(result.errorText)")
        }
    }
}
