import Glibc
import Host
import TestSupport
import Testing

@Suite("Where plugins are looked up")
struct PluginDirectoryTests {
    @Test("the directory that the operator names is the only one")
    func explicit() {
        #expect(PluginDirectory(explicit: "/opt/plugins", program: "/usr/bin/kes").searched == ["/opt/plugins"])
    }

    @Test("the option wins over the environment, and that over the configuration")
    func precedence() {
        #expect(PluginDirectory.explicit(option: "o", environment: "e", configuration: "c") == "o")
        #expect(PluginDirectory.explicit(option: nil, environment: "e", configuration: "c") == "e")
        #expect(PluginDirectory.explicit(option: nil, environment: "", configuration: "c") == "c")
        #expect(PluginDirectory.explicit(option: nil, environment: nil, configuration: nil) == nil)
    }

    @Test("otherwise the system's, then those from the program upwards, then the working directory's")
    func defaults() {
        let search = PluginDirectory(explicit: nil, program: "/src/kes/.build/release/kes")
        #expect(
            search.searched == [
                "/etc/kes/plugins.d", "/src/kes/.build/release/plugins.d", "/src/kes/.build/plugins.d", "/src/kes/plugins.d",
                "/src/plugins.d", "plugins.d",
            ])
    }

    @Test("a library is found beside its manifest, in lib/kes beside either, and beside the program, in this order")
    func libraries() throws {
        let root = try TemporaryDirectory()
        for directory in ["bin", "lib", "lib/kes", "etc", "etc/lib", "etc/lib/kes", "etc/plugins.d"] {
            mkdir(root.file(directory), 0o755)
        }
        try root.write("name: a\nlibrary: libA.so", to: "etc/plugins.d/a.yml", mode: 0o644)
        let search = PluginDirectory(explicit: root.file("etc/plugins.d"), program: root.file("bin/kes"))
        let manifest = try search.manifest(for: "a")
        // The last one first: each that is added is found before those that were there.
        for place in ["bin", "lib/kes", "etc/lib/kes", "etc/plugins.d"] {
            let library = try root.write("x", to: place + "/libA.so")
            #expect(try search.library(of: manifest).path == library)
        }
    }

    @Test("a manifest that cannot be trusted ends the search")
    func untrusted() throws {
        let root = try TemporaryDirectory()
        for directory in ["bin", "bin/plugins.d", "plugins.d"] { mkdir(root.file(directory), 0o755) }
        let first = try root.write("name: some-plugin\nlibrary: a.so", to: "bin/plugins.d/some-plugin.yml", mode: 0o666)
        try root.write("name: some-plugin\nlibrary: a.so", to: "plugins.d/some-plugin.yml", mode: 0o644)
        let search = PluginDirectory(explicit: nil, program: root.file("bin/kes"))
        #expect(throws: PluginError.untrusted(path: first, .writableByOthers(path: first))) {
            try search.manifest(for: "some-plugin")
        }
    }
}
