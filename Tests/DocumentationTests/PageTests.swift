import TestSupport
import Testing

/// The pages of the documentation, taken at their word.
@Suite struct PageTests {
    @Test func theCommandsOfGettingStartedWorkAsTheyStand() throws {
        let blocks = try Page("docs/getting-started.md").blocks(in: "sh")
        #expect(blocks.count > 8)
        let tree = try makeWorkingTree()
        // The server runs in another terminal from the point on where the page starts it. Here it takes any free port.
        let beforeTheServer = blocks.prefix { !$0.contains("export KES_SERVER") }
        var first = beforeTheServer.joined()
        first += "sed -i 's/^address: 127.0.0.1:7373$/address: 127.0.0.1:0/' my-server/config.yml\n"
        let made = try run("sh", ["-eu"], input: Array(first.utf8), environment: cleanEnvironment, directory: tree.path)
        try #require(made.code == 0, "\(made.errorText)")
        #expect(made.text.contains("my-server/config.yml is valid; the keystore itself is not opened by --check\n"))

        let server = try Subprocess(
            kesPath(), ["server", "--config", tree.file("my-server/config.yml")], environment: cleanEnvironment)
        let port = try ServerProcess.waitForBanner(of: server).port
        let rest = (blocks.prefix(1) + blocks.dropFirst(beforeTheServer.count)).joined().replacing(
            "127.0.0.1:7373", with: "127.0.0.1:\(port)")
        let result = try run("sh", ["-eu"], input: Array(rest.utf8), environment: cleanEnvironment, directory: tree.path)
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text.contains("\nmy-key\n"))
        // The data key that was generated last but one, decrypted; the others are generated.
        #expect(result.text.split(separator: #"{"plaintext":""#, omittingEmptySubsequences: false).count == 4)
        #expect(result.errorText == "Error: failed to delete key 'my-key': not authorized: insufficient permissions\n")
    }

    @Test func theCommandsOfMovingFromKESWorkAsTheyStand() throws {
        let blocks = try Page("docs/moving-from-kes.md").blocks(in: "sh")
        #expect(blocks.count == 4)
        let tree = try makeWorkingTree()
        let script = "PATH=\"$PWD/.build/release:$PATH\"\n" + blocks.joined()
        // A directory of keys as KES leaves it behind.
        let keys = try #require(script.firstRange(of: "kes migrate"))
        let withKeys =
            script[..<keys.lowerBound]
                + """
                kes server --config old/config.yml --addr 127.0.0.1:0 >server.out 2>server.err & server=$!
                trap 'kill $server 2>/dev/null || :' EXIT
                until endpoint=$(grep -o 'https://127.0.0.1:[0-9]*$' server.err); do :; done
                KES_SERVER=$endpoint KES_API_KEY=$(cat old/admin.api-key) SSL_CERT_FILE=old/server.crt kes key create my-app-1 my-app-2 other
                kill $server; wait $server

                """ + script[keys.lowerBound...]
        let result = try run("sh", ["-eu"], input: Array(withKeys.utf8), environment: cleanEnvironment, directory: tree.path)
        #expect(result.code == 0, "\(result.errorText)")
        #expect(
            result.text.hasSuffix(
                """
                Copied 3 of 3 keys from fs to sqlite
                Copied 0 of 3 keys from fs to sqlite, 3 were there already
                Copied 0 of 2 keys from fs to sqlite, 2 were there already

                """), "\(result.text)")
    }

    /// `Benchmarks/run.sh` makes the page anew, of its figures and of these notes: what is said on the page alone would be lost.
    @Test func thePageOfPerformanceEndsWithTheNotesThatItIsMadeOf() throws {
        let notes = try Page("Benchmarks/notes.md").text
        #expect(notes.hasPrefix("## How some of it is measured\n"))
        #expect(try Page("docs/performance.md").text.hasSuffix("\n\n" + notes))
    }

    /// With openssl alone, as the page for developers says.
    @Test func aClientCertificateIsMadeOfAnAPIKeyAsThePageSays() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment)
        let directory = try TemporaryDirectory()
        let block = try #require(try Page("docs/http-api.md").blocks(in: "sh").first)
        let made = try run(
            "sh", ["-eu"], input: Array(block.utf8), environment: ["KES_API_KEY": deployment.admin.apiKey],
            directory: directory.path)
        try #require(made.code == 0, "\(made.errorText)")
        let client = Deployment.Client(
            identity: deployment.admin.identity, apiKey: "", certificate: directory.file("client.crt"),
            key: directory.file("client.key"))
        #expect(try server.curl("/v1/key/create/k", as: client, ["-X", "PUT"]).status == 200)
        #expect(server.stop() == 0)
    }

    @Test func everyMemberOfTheConfigurationIsOnItsPage() throws {
        let page = try Page("docs/configuration.md")
        let directory = try TemporaryDirectory()
        // A name that resembles none: the error then lists all that are known.
        let file = try directory.write(
            """
            qqqqqqqqqqqq: 1
            admin: { qqqqqqqqqqqq: 1 }
            tls: { qqqqqqqqqqqq: 1, proxy: { qqqqqqqqqqqq: 1, header: { qqqqqqqqqqqq: 1 } } }
            policy: { NAME: { qqqqqqqqqqqq: 1 } }
            cache: { qqqqqqqqqqqq: 1, expiry: { qqqqqqqqqqqq: 1 } }
            api: { /v1/ready: { qqqqqqqqqqqq: 1 } }
            log: { qqqqqqqqqqqq: 1 }
            keys: [ { qqqqqqqqqqqq: 1 } ]
            plugins: { qqqqqqqqqqqq: 1 }
            """, to: "config.yml")
        let result = try run(kesPath(), ["server", "--check", "--config", file])
        let found = result.errorText.matches(of: /unknown member 'qqqqqqqqqqqq'(?: in '([^']*)')?; known are (.*)/)
        #expect(found.count == 12, "\(result.errorText)")
        var members: [String] = []
        for match in found {
            let section =
                match.output.1.map { $0.replacing("/v1/ready", with: "PATH").replacing("keys[0]", with: "keys[]") + "." } ?? ""
            members += match.output.2.split(separator: ", ").map { section + $0.filter { $0 != "'" && $0 != "\n" } }
        }
        // Sections have no row of their own.
        let rows = members.filter { member in !members.contains { $0.hasPrefix("\(member).") || $0.hasPrefix("\(member)[") } }
            .filter { !["policy", "api", "keys"].contains($0) }
        #expect(rows.count > 20)
        for member in rows { #expect(page.text.contains("| `\(member)` |"), "\(member)") }
        // And none that there is no more.
        let documented = page.text.matches(of: /\n\| `([a-zA-Z_.\[\]]+)` \|/).map { String($0.output.1) }
        let known = Set(rows.map { $0.replacing("policy.NAME", with: "policy.NAME") })
        for member in documented where !member.hasPrefix("keystore.") { #expect(known.contains(member), "\(member)") }
    }

    @Test func theExampleConfigurationIsValid() throws {
        let tree = try makeWorkingTree()
        let made = try run(kesPath(), ["init", tree.file("server")])
        #expect(made.code == 0)
        let example = try #require(try Page("docs/configuration.md").blocks(in: "yaml").first)
        let text = example.replacing("key: server.key", with: "key: server/server.key").replacing(
            "cert: server.crt", with: "cert: server/server.crt")
        try tree.write(text, to: "config.yml")
        let result = try run(
            kesPath(), ["server", "--check", "--config", "config.yml"], environment: ["KES_ADMIN": "disabled"],
            directory: tree.path)
        #expect(result.code == 0, "\(result.errorText)")
    }

    @Test func linksLeadToFilesThatExist() throws {
        for name in [
            "README.md", "docs/getting-started.md", "docs/configuration.md", "docs/command-line.md", "docs/http-api.md",
            "docs/access-control.md", "docs/monitoring.md", "docs/production.md", "docs/moving-from-kes.md",
        ] {
            let directory = name.hasPrefix("docs/") ? "docs/" : ""
            for match in try Page(name).text.matches(of: /\]\(([a-zA-Z][^):#]*)\)/) {
                #expect(throws: Never.self, "\(name): \(match.output.1)") {
                    _ = try readFile("\(Repository.root)/\(directory)\(match.output.1)")
                }
            }
        }
    }

    @Test(.enabled(if: isInstalled("systemd-analyze"), "systemd-analyze is not installed"))
    func theUnitForSystemdIsValidAndConfined() throws {
        let directory = try TemporaryDirectory()
        let unit = String(decoding: try readFile("\(Repository.root)/examples/systemd/kes.service"), as: UTF8.self)
        let file = try directory.write(unit.replacing("/usr/bin/kes", with: "/bin/true"), to: "kes.service", mode: 0o644)
        let verified = try run("systemd-analyze", ["verify", "--man=no", file])
        #expect(verified.code == 0 && verified.error.isEmpty, "\(verified.errorText)")
        // 0 is no exposure, 10 all of it.
        let security = try run("systemd-analyze", ["security", "--offline=true", "--threshold=20", file])
        #expect(security.code == 0, "\(security.text.suffix(300))")
    }
}
