import Foundation
import Host
import Testing

@Suite("A plugin's manifest")
struct PluginManifestTests {
    private static let digest = String(repeating: "0a", count: 32)

    /// What is wrong with a manifest, as `line:column: problem`.
    private func problem(_ text: String) -> String? {
        do {
            _ = try PluginManifest(parsing: text, path: "m.yml")
            return nil
        } catch { return "\(error)" }
    }

    @Test("names a plugin and its library")
    func minimal() throws {
        let manifest = try PluginManifest(parsing: "name: fs\nlibrary: libFSStore.so\n", path: "/etc/kes/plugins.d/fs.yml")
        #expect(manifest.name == "fs")
        #expect(manifest.library == "libFSStore.so")
        #expect(manifest.sha256 == nil)
        #expect(manifest.path == "/etc/kes/plugins.d/fs.yml")
    }

    @Test("may pin the library's digest, in either case, and say that the plugin is not isolated")
    func complete() throws {
        let manifest = try PluginManifest(
            parsing: "name: '123'\nlibrary: /usr/lib/kes/libA.so\nsha256: \(Self.digest.uppercased())\nisolation: none",
            path: "m.yml")
        #expect(manifest.name == "123")
        #expect(manifest.isolation == .none)
        #expect(try PluginManifest(parsing: "name: fs\nlibrary: a.so", path: "m.yml").isolation == .none)
        #expect(try PluginManifest(parsing: "name: fs\nlibrary: a.so\nisolation: process", path: "m.yml").isolation == .process)
        #expect(manifest.sha256 == Self.digest)
        #expect(manifest.location == nil)
        #expect(try PluginManifest(parsing: "name: fs\nlibrary: a.so\nlocation: path", path: "m.yml").location == "path")
    }

    @Test("may say what a process of the plugin's own may use, and when it is steady")
    func limits() throws {
        let isolated = "name: fs\nlibrary: a.so\nisolation: process\n"
        let plain = try PluginManifest(parsing: isolated, path: "m.yml").limits
        #expect(plain.memory == 1 << 30 && plain.files == 1024 && plain.steadyAfter == .seconds(10))
        let changed = try PluginManifest(
            parsing: isolated + "memory: 512MiB\nfiles: 4096\nsteady: 1m30s", path: "m.yml"
        ).limits
        #expect(changed.memory == 512 << 20 && changed.files == 4096 && changed.steadyAfter == .seconds(90))
        #expect(try PluginManifest(parsing: isolated + "memory: 2GiB", path: "m.yml").limits.memory == 2 << 30)
        for wrong in ["1", "255MiB", "-1GiB", "+1GiB", "1.5GiB", "1GB", "GiB", "18446744073709551615GiB", "17179869185GiB"] {
            #expect(problem(isolated + "memory: '\(wrong)'")?.hasPrefix("m.yml:4:9: '\(wrong)' is not a limit") == true)
        }
        for wrong in ["", "127", "1048577", "1e4", "many"] {
            #expect(problem(isolated + "files: '\(wrong)'")?.hasPrefix("m.yml:4:8: '\(wrong)' is not a number") == true)
        }
        #expect(problem(isolated + "steady: 5")?.hasPrefix("m.yml:4:9: 'steady' is '5', which has no unit") == true)
        // Without a process of its own they would promise something that is not so.
        for member in ["memory: 1GiB", "files: 1024", "steady: 10s"] {
            #expect(problem("name: fs\nlibrary: a.so\n\(member)")?.contains("add 'isolation: process'") == true)
        }
    }

    @Test("that is wrong is refused, with the position and what would be right")
    func refusals() {
        #expect(problem("name: fs\nlibrary: a.so\nlibary: b.so")?.hasPrefix("m.yml:3:1: 'libary' is not a member") == true)
        #expect(problem("name: fs\nlibrary: a.so\nisolation: maybe")?.hasPrefix("m.yml:3:12: 'maybe'") == true)
        #expect(problem("name: fs\nlibrary: a.so\nsha256: 12")?.hasPrefix("m.yml:3:9: 'sha256' must be 64") == true)
        #expect(problem("name: fs\nlibrary: a.so\nlocation: ''")?.hasPrefix("m.yml:3:11: 'location' must be a member") == true)
        #expect(problem("name: FS\nlibrary: a.so")?.hasPrefix("m.yml:1:7: 'FS' is not a plugin's name") == true)
        #expect(problem("name: ../fs\nlibrary: a.so")?.hasPrefix("m.yml:1:7:") == true)
        #expect(problem("library: a.so")?.hasPrefix("m.yml: 'name' is missing") == true)
        #expect(problem("name: fs")?.hasPrefix("m.yml: 'library' is missing") == true)
        #expect(problem("name: fs\nlibrary: ''")?.hasPrefix("m.yml:2:10: 'library' must be") == true)
        #expect(problem("name: fs\nlibrary: [a]")?.hasPrefix("m.yml:2:10: 'library' must be text") == true)
        #expect(problem("- name")?.hasPrefix("m.yml:1:1: a manifest is a mapping") == true)
        #expect(problem("")?.hasPrefix("m.yml:1:1: a manifest is a mapping") == true)
        #expect(problem("name: fs\nname: mem\nlibrary: a.so")?.contains("given more than once: name") == true)
        #expect(problem("name: fs\nlibrary: 'a.so") == "m.yml:2:15: found unexpected end of stream")
    }
    @Test("with several mistakes is told of all of them, in the order of the file")
    func allMistakes() {
        let text = """
            name: FS
            [a]: b
            sha256: 12
            libary: a.so
            isolation: maybe
            isolation: none
            memory: 1GiB
            """
        let expected = [
            "m.yml: 'library' is missing", "m.yml:1:7: 'FS' is not a plugin's name", "m.yml:2:1: a member's name must be text",
            "m.yml:3:9: 'sha256' must be 64", "m.yml:4:1: 'libary' is not a member", "m.yml:5:12: 'maybe' is not an isolation",
            "m.yml:6:1: given more than once: isolation", "m.yml:7:9: 'memory' is for a plugin in a process",
        ]
        let problems = problem(text)?.components(separatedBy: "; ") ?? []
        #expect(problems.count == expected.count, "\(problems)")
        for (problem, start) in zip(problems, expected) { #expect(problem.hasPrefix(start), "\(problems)") }
    }
}
