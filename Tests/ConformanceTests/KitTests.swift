import Foundation
import Glibc
import TestSupport
import Testing

/// The plugin kit, as somebody gets it who has nothing else: the guide's commands, in an empty directory, with the tarball and a
/// compiler.
@Suite struct KitTests {
    /// The kit of this build, made once.
    private static let kit = Result<(directory: TemporaryDirectory, tarball: String), any Error> {
        let directory = try TemporaryDirectory("keswick-kit")
        let result = try run(
            "\(Repository.root)/scripts/plugin-kit.sh", [directory.path],
            environment: ["KES_BUILD": buildDirectory(), "KES_COMPRESSION": "1"])
        try #require(result.code == 0, "\(result.errorText)")
        return (directory, try #require(result.text.split(separator: "\n").last.map(String.init)))
    }

    /// The guide's shell blocks, for a language.
    private static func guide(_ language: String) throws -> [String] {
        let text = String(decoding: try readFile("\(Repository.root)/docs/plugins.md"), as: UTF8.self)
        let blocks = text.split(separator: "```sh\n").dropFirst().map {
            String($0.prefix(upTo: $0.firstRange(of: "```")?.lowerBound ?? $0.endIndex))
        }
        guard language == "rust" else { return blocks }
        return blocks.map { block in
            block.replacing("--language c\n", with: "--language rust\n").replacing(
                "\nmake ", with: "\ncargo build --release --offline "
            )
            .replacing("libmy-store.so", with: "target/release/libmy_store.so")
        }
    }

    /// What a person's shell has: no variable of ours, and no tool but the system's and Rust's.
    private static let environment: [String] = {
        let variables: [String] = ["HOME", "CARGO_HOME", "RUSTUP_HOME"]
        let rust: [String] = variables.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
        let cargo = (try? run("sh", ["-c", "dirname \"$(command -v cargo)\""]))?.text.trimmingCharacters(in: .newlines) ?? ""
        return ["PATH=/usr/local/bin:/usr/bin:/bin:\(cargo)"] + rust
    }()

    @Test("The guide leads from the tarball and gcc to a plugin that passes the check and serves a real server")
    func guideInC() throws { try follow("c") }

    @Test(
        "The guide leads from the tarball and cargo to a plugin that passes the check and serves a real server",
        .enabled(if: isInstalled("cargo"), "cargo is not installed: the template in Rust was not built"))
    func guideInRust() throws { try follow("rust") }

    private func follow(_ language: String) throws {
        let blocks = try Self.guide(language)
        #expect(blocks.count == 4)
        let directory = try TemporaryDirectory("keswick-author")
        try #require(
            symlink(try Self.kit.get().tarball, directory.file((try Self.kit.get().tarball as NSString).lastPathComponent)) == 0)
        // A person's terminal: the blocks one after the other, in one shell, up to the server.
        let lines = blocks[2].split(separator: "\n")
        let preparation = lines.dropLast().joined(separator: "\n")
        let server = try #require(lines.last)
        #expect(server.hasPrefix("kes server "))
        let script = blocks[0] + blocks[1] + preparation + "\necho \"the path is $PATH\"\n"
        let built = try run(
            "env", ["-i"] + Self.environment + ["sh", "-eu"], input: Array(script.utf8), directory: directory.path)
        #expect(built.code == 0, "\(built.text)\n\(built.errorText)")
        #expect(built.text.contains(", 0 failed, "))
        #expect(built.text.contains("ok   durable.kill"))
        let path = try #require(built.text.split(separator: "\n").last { $0.hasPrefix("the path is ") }).dropFirst(12)

        let project = directory.file("my-store")
        let configuration = String(decoding: try readFile("\(project)/server/config.yml"), as: UTF8.self)
        #expect(configuration.contains("  my-store:\n"))
        unlink("\(project)/server/config.yml")
        try directory.write(
            configuration.replacing("127.0.0.1:7373", with: "127.0.0.1:0"), to: "my-store/server/config.yml", mode: 0o600)
        let process = try Subprocess("env", ["-i", "PATH=\(path)", "sh", "-c", "exec \(server)"], directory: project)
        let port = try ServerProcess.waitForBanner(of: process).port
        let use = blocks[3].replacing("127.0.0.1:7373", with: "127.0.0.1:\(port)")
        let used = try run("env", ["-i", "PATH=\(path)", "sh", "-eu"], input: Array(use.utf8), directory: project)
        #expect(used.code == 0, "\(used.errorText)")
        #expect(used.text.contains("\"ciphertext\":"))
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        // The key is in the plugin's own file.
        #expect(String(decoding: try readFile("\(project)/server/keys.db"), as: UTF8.self).contains("my-key"))
    }

    @Test("The kit has what an author needs, and none of the server's source")
    func contents() throws {
        let (_, tarball) = try Self.kit.get()
        let files = try run("tar", ["-tzf", tarball]).text.split(separator: "\n").map {
            $0.split(separator: "/").dropFirst().joined(separator: "/")
        }
        for file in [
            "bin/kes", "include/keswick_keystore.h", "lib/pkgconfig/keswick-plugin.pc",
            "lib/cmake/keswick-plugin/keswick-plugin-config.cmake", "share/doc/keswick/plugins.md", "README", "LICENSE",
            "share/keswick/templates/c/keystore.c", "share/keswick/templates/cpp/keystore.cpp",
            "share/keswick/templates/rust/src/lib.rs", "share/keswick/templates/swift/Package.swift",
            "share/keswick/swift/Sources/PluginKit/Keystore.swift",
        ] {
            #expect(files.contains(file), "\(file)")
        }
        let sources = files.filter {
            $0.hasSuffix(".swift") && !$0.hasPrefix("share/keswick/swift/") && !$0.hasPrefix("share/keswick/templates/swift/")
        }
        #expect(sources.isEmpty)
    }

    @Test("The kit's program looks for its libraries beside itself, and nowhere on the machine that built it")
    func libraries() throws {
        let directory = try TemporaryDirectory()
        #expect(try run("tar", ["-xzf", Self.kit.get().tarball, "--strip-components=1", "-C", directory.path]).code == 0)
        let dynamic = try run("readelf", ["-d", directory.file("lib/kes/kes")]).text
        #expect(dynamic.matches(of: /\((RUNPATH|RPATH)\).*\[(.*)\]/).map { String($0.2) } == ["$ORIGIN"])
    }

    @Test("A project of one's own finds the header with pkg-config")
    func pkgConfig() throws {
        let directory = try TemporaryDirectory()
        #expect(try run("tar", ["-xzf", Self.kit.get().tarball, "--strip-components=1", "-C", directory.path]).code == 0)
        try directory.write("#include <keswick_keystore.h>\nint version = KESWICK_ABI_VERSION;\n", to: "a.c")
        let result = try run(
            "sh", ["-euc", "gcc $(pkg-config --cflags keswick-plugin) -c a.c"],
            environment: ["PKG_CONFIG_PATH": directory.file("lib/pkgconfig")], directory: directory.path)
        #expect(result.code == 0, "\(result.errorText)")
    }

    @Test("And with CMake, as the kit's file says", .enabled(if: isInstalled("cmake"), "cmake is not installed"))
    func cmake() throws {
        let directory = try TemporaryDirectory()
        #expect(try run("tar", ["-xzf", Self.kit.get().tarball, "--strip-components=1", "-C", directory.path]).code == 0)
        let template = directory.file("share/keswick/templates/c/keystore.c")
        try directory.write(
            """
            cmake_minimum_required(VERSION 3.10)
            project(own C)
            find_package(keswick-plugin CONFIG REQUIRED)
            add_library(own MODULE \(template))
            target_link_libraries(own PRIVATE keswick::plugin)
            """, to: "CMakeLists.txt")
        let result = try run(
            "sh",
            [
                "-euc",
                "cmake -S . -B build -DCMAKE_PREFIX_PATH=$PWD && cmake --build build && bin/kes plugin info build/libown.so",
            ],
            directory: directory.path)
        #expect(result.code == 0, "\(result.text)\(result.errorText)")
    }
}
