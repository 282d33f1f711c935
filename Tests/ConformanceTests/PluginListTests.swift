import Glibc
import TestSupport
import Testing

/// `kes plugin ls` and `kes plugin info`.
@Suite struct PluginListTests {
    @Test("Lists what the server would find, and says of what it would refuse why")
    func list() throws {
        let directory = try TemporaryDirectory()
        try directory.write("name: mem\nlibrary: \(buildDirectory())/libMemStore.so\n", to: "mem.yml", mode: 0o644)
        try directory.write("name: fs\nlibrary: \(buildDirectory())/libMemStore.so\n", to: "fs.yml", mode: 0o644)
        try directory.write(
            "name: sqlite\nlibrary: \(buildDirectory())/libSQLiteStore.so\nsha256: \(String(repeating: "0", count: 64))\n",
            to: "sqlite.yml", mode: 0o644)
        try directory.write("name: gone\nlibrary: libgone.so\n", to: "gone.yml", mode: 0o644)
        let json = try run(kesPath(), ["plugin", "ls", "--plugins", directory.path, "--json"])
        #expect(json.code == 1, "a script has to hear of those that are refused")
        #expect(json.text.contains(#""name":"mem","version":"1.0.0","abi":1,"state":"ready""#))
        #expect(json.text.split(separator: #""state":"refused""#).count == 4)

        let listing = try run(kesPath(), ["plugin", "ls"], environment: ["KES_PLUGINS": directory.path])
        #expect(listing.code == 1 && listing.error.isEmpty)
        let text = listing.text
        #expect(text.contains("● mem 1.0.0\n"))
        #expect(text.contains("is the plugin 'mem', but its manifest calls it 'fs'"))
        #expect(text.contains("its SHA-256 is"))
        #expect(text.contains("there is no library 'libgone.so'"))
        let digest = try #require(try run("sha256sum", ["\(buildDirectory())/libMemStore.so"]).text.split(separator: " ").first)
        #expect(text.contains(digest))
    }

    @Test("Where a server would load all, the exit code is 0")
    func allReady() throws {
        let directory = try TemporaryDirectory()
        try directory.write("name: mem\nlibrary: \(buildDirectory())/libMemStore.so\n", to: "mem.yml", mode: 0o644)
        #expect(try run(kesPath(), ["plugin", "ls", "--plugins", directory.path]).code == 0)
        #expect(try run(kesPath(), ["plugin", "ls", "--plugins", directory.path, "--json"]).code == 0)
    }

    @Test("One that comes behind another of its name is hidden, and not refused")
    func hidden() throws {
        // A server searches its working directory last, after the directories above its program.
        let directory = try TemporaryDirectory()
        #expect(mkdir(directory.file("plugins.d"), 0o755) == 0)
        try directory.write(
            "name: mem\nlibrary: \(buildDirectory())/libMemStore.so\n", to: "plugins.d/mem.yml", mode: 0o644)
        let json = try run(kesPath(), ["plugin", "ls", "--json"], directory: directory.path)
        #expect(json.code == 0, "\(json.text)")
        #expect(json.text.split(separator: #""name":"mem""#).count == 3)
        #expect(json.text.split(separator: #""state":"hidden""#).count == 2)
        let text = try run(kesPath(), ["plugin", "ls"], directory: directory.path).text
        #expect(
            text.contains("State      hidden: \(Repository.root)/plugins.d/mem.yml comes first and has the same name"), "\(text)")
    }

    @Test("No plugins at all is an error that says where it looked")
    func none() throws {
        let directory = try TemporaryDirectory()
        let result = try run(kesPath(), ["plugin", "ls", "--plugins", directory.path])
        #expect(result.code == 1)
        #expect(result.errorText.contains("there is no manifest in \(directory.path)"))
    }

    @Test("Shows what a library says about itself, and fails for what is no plugin")
    func info() throws {
        let plugin = try run(kesPath(), ["plugin", "info", "\(buildDirectory())/libSQLiteStore.so"])
        #expect(plugin.code == 0, "\(plugin.errorText)")
        for fact in ["sqlite 1.0.0\n", "State      ready", "Interface  version 1", "Claims     durable", "SHA-256"] {
            #expect(plugin.text.contains(fact), "\(plugin.text)")
        }
        let directory = try TemporaryDirectory()
        let other = try run(kesPath(), ["plugin", "info", try directory.write("text", to: "libtext.so", mode: 0o644)])
        #expect(other.code == 1)
        #expect(other.text.contains("it is not an ELF shared library"))
    }
}
