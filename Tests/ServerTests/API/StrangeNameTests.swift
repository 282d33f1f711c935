import TestSupport
import Testing

/// What a keystore holds under names that no request can name, as a copy that someone has made beside a key.
@Suite struct StrangeNameTests {
    private let deployment: Deployment
    private let keys: String

    init() throws {
        deployment = try Deployment()
        keys = deployment.directory.file("keys")
        try deployment.configure(keystore: "fs: { path: \(keys) }")
    }

    /// The copy is the last of what the keystore gives for the first page.
    @Test func aListingPassesOverThem() throws {
        let server = try ServerProcess(deployment)
        let admin = deployment.admin
        #expect(try server.curl("/v1/key/create/app-0001", as: admin, ["-X", "PUT"]).status == 200)
        let names =
            (2...999).map { "app-\(String(repeating: "0", count: 4 - "\($0)".count))\($0)" } + ["app-0999.bak", "app-1", "app-2"]
        let copies = try run("sh", ["-c", "for name; do cp app-0001 $name; done", "sh"] + names, directory: keys)
        try #require(copies.code == 0, "\(copies.errorText)")
        let first = try server.curl("/v1/key/list/app-", as: admin).body
        #expect(first.contains(#""app-0999"],"continue_at":"app-@app-0999.bak"}"#))
        let second = try server.curl("/v1/key/list/app-@app-0999.bak", as: admin)
        #expect(second.body == #"{"names":["app-1","app-2"]}"#)
        let listed = try server.kes(["key", "ls", "--json"], as: admin)
        #expect(listed.code == 0 && listed.text.contains(#""app-2""#) && !listed.text.contains("bak"))
        try server.errorLine(containing: "the keystore holds 'app-0999.bak', which is not the name of a key, and is not listed")
    }

    @Test func aMigrationLeavesThemAndSaysSo() throws {
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/v1/key/create/app", as: deployment.admin, ["-X", "PUT"]).status == 200)
        #expect(server.stop() == 0)
        try #require(try run("cp", ["app", "app.bak"], directory: keys).code == 0)
        let from = deployment.configuration
        let text = String(decoding: try readFile(from), as: UTF8.self)
        let to = try deployment.directory.write(
            text.replacing("fs: { path: \(keys) }", with: "sqlite: { path: \(deployment.directory.file("keys.db")) }"),
            to: "to.yml")
        let result = try run(kesPath(), ["migrate", "--from", from, "--to", to])
        #expect(result.code == 1)
        #expect(
            result.errorText.contains("1 of 2 keys was not copied:\n  'app.bak': that is not the name of a key"),
            "\(result.errorText)")
        try run("rm", ["app.bak"], directory: keys)
        #expect(try run(kesPath(), ["migrate", "--from", from, "--to", to, "--merge"]).code == 0)
    }
}
