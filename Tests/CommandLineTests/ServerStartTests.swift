import Credentials
import Foundation
import Glibc
import TestSupport
import Testing

/// What `kes server` takes and what it says when it has started.
@Suite struct ServerStartTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
    }

    /// Starts a server and reads what it says up to `end`.
    private func start(_ arguments: [String], until end: String) throws -> (process: Subprocess, text: String) {
        let process = try Subprocess(kesPath(), ["server"] + arguments, environment: cleaned([:]))
        var text = ""
        while !text.contains(end) {
            let bytes = process.readError()
            guard !bytes.isEmpty else { throw StartedServer.NotStarted(text: text) }
            text += String(decoding: bytes, as: UTF8.self)
        }
        return (process, text)
    }

    @Test func theAdministratorOfTheCommandLineHasOneRole() throws {
        try deployment.configure(keystore: "mem: {}")
        let check = ["server", "--check", "--config", deployment.configuration, "--root"]
        let taken = try run(kesPath(), check + ["\(deployment.user.identity)"], environment: cleaned([:]))
        #expect(taken.code == 1)
        #expect(taken.errorText.contains("--root: the identity \(deployment.user.identity) is in policy 'user'"))
        let typo = try run(kesPath(), check + ["typo"], environment: cleaned([:]))
        #expect(typo.code == 0)
        #expect(typo.errorText.contains("--root: 'typo' is no identity"))
        let meant = try run(kesPath(), check + ["disabled"], environment: cleaned([:]))
        #expect(meant.code == 0)
        #expect(!meant.errorText.contains("no identity"))
    }

    /// The usual soft limit is for programs that use select(2), and too low for a server.
    @Test func itMayOpenAsManyFilesAsTheSystemAllows() throws {
        try deployment.configure(keystore: "mem: {}")
        let command = "ulimit -Sn 200 && exec \"$0\" \"$@\""
        let arguments = ["-c", command, kesPath(), "server", "--config", deployment.configuration]
        let process = try Subprocess("sh", arguments, environment: cleaned([:]))
        _ = try ServerProcess.waitForBanner(of: process)
        let limits = try String(contentsOfFile: "/proc/\(process.pid)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let columns = line.split(separator: " ")
        #expect(columns[3] == columns[4])
        stop(process)
    }

    /// What is reserved counts as locked, and grows: with a limit, threads and memory would be refused to the server some day.
    @Test(.disabled(if: isSanitized, "a sanitizer makes mlockall(2) a call that does nothing"))
    func memoryIsLockedOnlyWithoutALimit() throws {
        try deployment.configure(keystore: "mem: {}")
        func banner(_ runner: [String]) throws -> String {
            let command = runner + [kesPath(), "server", "--config", deployment.configuration]
            let process = try Subprocess(command[0], Array(command.dropFirst()), environment: cleaned([:]))
            let text = try ServerProcess.waitForBanner(of: process).text
            stop(process)
            return try String(#require(text.split(separator: "\n").first { $0.hasPrefix("Memory lock") }))
        }
        let isRoot = geteuid() == 0
        let withoutTheRight = isRoot ? ["setpriv", "--bounding-set=-ipc_lock"] : []
        let off = "off (the memlock limit would stop the server when it grows: set it to infinity"
        #expect(try banner(["prlimit", "--memlock=8388608:"] + withoutTheRight).contains(off))
        // As far as this system lets it be raised: so much can be locked for now.
        let large = ["prlimit", "--memlock=4294967296:4294967296"]
        if try run("prlimit", [large[1], "true"]).code == 0 { #expect(try banner(large + withoutTheRight).contains(off)) }
        // Who may lock as much as he likes is not held up by a limit.
        if isRoot, try run("setpriv", ["--dump"]).text.contains("ipc_lock") {
            #expect(try banner(["prlimit", "--memlock=8388608:"]).hasSuffix(" on"))
        }
    }

    /// Nobody is served yet: there is nothing to finish, and the keystore may never open.
    @Test(arguments: [SIGINT, SIGTERM]) func aSignalBeforeItListensEndsItAtOnce(signal: Int32) throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore("gated", into: plugins)
        try deployment.configure(keystore: "gated: { block: true }", more: "plugins: { directory: \(plugins.path) }")
        let (process, _) = try start(["--config", deployment.configuration], until: "waiting to be opened")
        process.signal(signal)
        #expect(process.wait() == -signal)
    }

    private func endpoint(in banner: String) throws -> String {
        String(try #require(banner.firstMatch(of: /\nEndpoint +(https:\/\/127\.0\.0\.1:\d+)\n/)).output.1)
    }

    private func stop(_ process: Subprocess) {
        process.signal(SIGTERM)
        _ = process.collect()
        #expect(process.wait() == 0)
    }

    @Test(arguments: [("on", "on", "info, to standard error", "on, to standard output"), ("OFF", "off", "off", "off")])
    func theBannerSaysWhatRuns(error: String, audit: String, errorTarget: String, auditTarget: String) throws {
        try deployment.configure(keystore: "mem: {}", more: "log: { error: \(error), audit: \(audit) }")
        let (process, text) = try start(["--config", deployment.configuration], until: "/version\n")
        let endpoint = try endpoint(in: text)
        func row(_ label: String) -> String? {
            text.split(separator: "\n").first { $0.hasPrefix("\(label) ") }.map {
                String($0.dropFirst(label.count).drop { $0 == " " })
            }
        }
        #expect(try #require(row("Version")) == "Keswick " + kes("--version").text.split(separator: " ")[1].prefix { $0 != "\n" })
        #expect(row("Keystore")?.wholeMatch(of: /mem \d+\.\d+\.\d+/) != nil)
        #expect(row("Plugin") == "\(buildDirectory())/libMemStore.so (ABI version 1)")
        #expect(row("Admin") == "\(deployment.admin.identity)")
        #expect(row("Error log") == errorTarget)
        #expect(row("Audit log") == auditTarget)
        #expect(row("Memory lock")?.isEmpty == false)
        for route in [
            "GET     \(endpoint)/version", "PUT     \(endpoint)/v1/key/create/", "DELETE  \(endpoint)/v1/key/delete/",
            "GET     \(endpoint)/v1/log/audit",
        ] {
            #expect(text.contains("  \(route)\n"), "\(route)")
        }
        let admin = deployment.admin
        let table = try run(
            "curl",
            [
                "-sS", "--cacert", deployment.serverCertificate, "--cert", admin.certificate, "--key", admin.key,
                "\(endpoint)/v1/api",
            ])
        #expect(text.matches(of: #/  (GET|PUT|DELETE) +https:/#).count == table.text.matches(of: /"path":/).count)
        stop(process)
    }

    @Test func withoutAnAdministratorTheBannerSaysSo() throws {
        try deployment.configure(keystore: "mem: {}")
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        try deployment.directory.write(text.replacing("\(deployment.admin.identity)", with: "disabled"), to: "config.yml")
        let (process, banner) = try start(["--config", deployment.configuration], until: "/version\n")
        #expect(banner.contains("\nAdmin        disabled\n"))
        stop(process)
    }

    /// What it prints is pasted into another shell, as it says.
    @Test func aDevelopmentServerPrintsAllThatIsNeededToUseIt() throws {
        var identities: Set<String> = []
        for _ in 0..<2 {
            let (process, text) = try start(["--dev", "--addr", "127.0.0.1:0"], until: "kes key dek my-key -k\n")
            let endpoint = try endpoint(in: text)
            let key = try #require(text.firstMatch(of: /\n +API key +(kes:v1:\S+)\n/)).output.1
            let exports = text.split(separator: "\n").filter { $0.hasPrefix("  export ") }
            #expect(exports == ["  export KES_SERVER=\(endpoint)", "  export KES_API_KEY=\(key)"])
            identities.insert(try APIKey(String(key)).identity.description)
            #expect(text.contains("\nAdmin        \(try APIKey(String(key)).identity)\n"))
            let commands = text.split(separator: "\n").filter { $0.hasPrefix("  export ") || $0.hasPrefix("  kes ") }
            let directory = kesPath().split(separator: "/").dropLast().reduce(into: "") { $0 += "/\($1)" }
            let script = (["PATH=\"\(directory):$PATH\""] + commands + ["kes key ls -k"]).joined(separator: "\n")
            let result = try run("sh", ["-eu"], input: Array(script.utf8), environment: cleaned([:]))
            // Each server begins without keys.
            #expect(result.code == 0 && result.text.hasSuffix("my-key\n"), "\(result.errorText)")
            // Its certificate is made on the spot, and nobody vouches for it.
            let strict = try kes("key", "ls", environment: ["KES_SERVER": endpoint, "KES_API_KEY": String(key)])
            #expect(strict.errorText.contains("is not trusted by this client"))
            stop(process)
        }
        #expect(identities.count == 2)
    }

    /// Whether or not something listens there already.
    @Test func aDevelopmentServerListensOnPort7373OfThisMachineOnly() throws {
        let (process, text) = try start(["--dev"], until: "127.0.0.1:7373")
        #expect(text.contains("Endpoint     https://127.0.0.1:7373") || text.contains("cannot listen on 127.0.0.1:7373"))
        process.signal(SIGTERM)
        _ = process.collect()
        process.wait()
    }

    @Test func theCheckWarnsOfWhatIsProbablyMeantOtherwise() throws {
        let user = deployment.user
        let digest = try run("sha256sum", [user.certificate]).text.prefix(64)
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", deployment.serverKey, "-out",
                deployment.serverCertificate, "-subj", "/CN=soon", "-days", "3", "-addext", "subjectAltName=DNS:localhost",
            ])
        try #require(made.code == 0, "\(made.errorText)")
        try deployment.directory.write(
            """
            admin: { identity: \(digest) }
            tls: { key: \(deployment.serverKey), cert: \(deployment.serverCertificate) }
            policy: { nobody: { allow: [ /v1/status ] } }
            keystore: { mem: {} }
            """, to: "config.yml")
        let check = try kes("server", "--check", "--config", deployment.configuration)
        #expect(check.code == 0, "\(check.errorText)")
        #expect(check.text == "\(deployment.configuration) is valid; the keystore itself is not opened by --check\n")
        let warnings = check.errorText.split(separator: "\n")
        #expect(warnings.count == 3 && warnings.allSatisfy { $0.hasPrefix("Warning: \(deployment.configuration):") })
        for text in ["is the SHA-256 of the file '\(user.certificate)'", "no identity has this policy", "expires at "] {
            #expect(check.errorText.contains(text), "\(text): \(check.errorText)")
        }
    }

    @Test func theOldFlagsWinOverTheFile() throws {
        try deployment.directory.write(
            """
            address: 127.0.0.1:1
            admin: { identity: disabled }
            tls: { key: /nonexistent/server.key, cert: /nonexistent/server.crt, auth: on }
            keystore: { mem: {} }
            """, to: "config.yml")
        let (process, text) = try start(
            [
                "--config", deployment.configuration, "--key", deployment.serverKey, "--cert", deployment.serverCertificate,
                "--root", "\(deployment.admin.identity)", "--auth", "off", "--port", "0",
            ], until: "/version\n")
        for flag in ["--key", "--cert", "--auth", "--root", "--port"] {
            #expect(text.contains("Warning: \(flag) is deprecated: use "))
        }
        let environment = [
            "KES_SERVER": try endpoint(in: text), "KES_API_KEY": deployment.admin.apiKey,
            "SSL_CERT_FILE": deployment.serverCertificate,
        ]
        #expect(try endpoint(in: text) != "https://127.0.0.1:1")
        #expect(try kes("key", "create", "k", environment: environment).code == 0)
        stop(process)
        // And the other way round: what the file allows, the flag forbids.
        try deployment.configure(keystore: "mem: {}")
        let (strict, banner) = try start(["--config", deployment.configuration, "--auth", "on"], until: "/version\n")
        let refused = try kes(
            "key", "ls", environment: environment.merging(["KES_SERVER": try endpoint(in: banner)]) { $1 })
        #expect(refused.errorText.contains("refused this client"), "\(refused.errorText)")
        stop(strict)
    }

    @Test func aQuietServerPrintsNoBanner() throws {
        try deployment.configure(keystore: "mem: {}")
        // The warning of this keystore comes before the banner would, and what a reload says after it.
        let (process, warning) = try start(["--config", deployment.configuration, "-q"], until: "when the server stops\n")
        process.signal(SIGHUP)
        var text = warning
        while !text.contains("the configuration was reloaded") {
            let bytes = process.readError()
            try #require(!bytes.isEmpty, "\(text)")
            text += String(decoding: bytes, as: UTF8.self)
        }
        #expect(!text.contains("\nVersion ") && !text.contains("/version\n"))
        stop(process)
    }

    /// Who starts a server with these flags has not put their values into the file.
    @Test func theOldFlagsStandForWhatTheFileLacks() throws {
        try deployment.directory.write("keystore: { mem: {} }\n", to: "config.yml")
        let flags = [
            "--key", deployment.serverKey, "--cert", deployment.serverCertificate, "--root", "\(deployment.admin.identity)",
        ]
        let (process, text) = try start(
            ["--config", deployment.configuration, "--addr", "127.0.0.1:0"] + flags, until: "/version\n")
        let environment = [
            "KES_SERVER": try endpoint(in: text), "KES_API_KEY": deployment.admin.apiKey,
            "SSL_CERT_FILE": deployment.serverCertificate,
        ]
        #expect(try kes("key", "create", "k", environment: environment).code == 0)
        stop(process)
        // Each stands for itself alone.
        for (index, member) in [(0, "tls.key"), (2, "tls.cert"), (4, "admin.identity")] {
            let others = Array(flags[..<index] + flags[(index + 2)...])
            let result = try run(kesPath(), ["server", "--check", "--config", deployment.configuration] + others)
            #expect(result.code == 1 && result.errorText.contains("1:1: '\(member)' is missing"), "\(result.errorText)")
            #expect(result.errorText.split(separator: "\n").count { $0.contains("is missing") } == 1)
        }
    }
}
