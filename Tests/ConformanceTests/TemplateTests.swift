import Glibc
import TestSupport
import Testing

/// `kes plugin new`. What it makes in C and in Rust is built by the tests of the kit.
@Suite struct TemplateTests {
    @Test(
        "A new plugin builds with one command and passes the check",
        arguments: [
            ("cpp", "make", "libmy-store.so"), ("swift", "swift build -c release", ".build/release/libmy-store.so"),
        ])
    func new(language: String, build: String, library: String) throws {
        let directory = try TemporaryDirectory()
        let made = try run(kesPath(), ["plugin", "new", "my-store", "--language", language], directory: directory.path)
        #expect(made.code == 0, "\(made.errorText)")
        #expect(made.text.contains("  \(build)\n"))
        let project = directory.file("my-store")
        let built = try run("sh", ["-euc", build], directory: project)
        #expect(built.code == 0, "\(built.text)\(built.errorText)")
        #expect(!built.text.contains("warning:") && !built.errorText.contains("warning:"))
        let checked = try run(
            kesPath(), ["plugin", "check", library, "--config", #"{"path":"{dir}/keys"}"#, "--durable"], directory: project)
        #expect(checked.code == 0, "\(checked.text)")
        // The server would find it: the manifest is there.
        let listed = try run(kesPath(), ["plugin", "ls", "--plugins", ".", "--json"], directory: project)
        #expect(listed.text.contains(#""name":"my-store","version":"0.1.0","abi":1,"state":"ready""#), "\(listed.text)")
    }

    @Test("A template is small: what is an author's own has less than 250 lines")
    func size() throws {
        for file in ["c/keystore.c", "cpp/keystore.cpp", "rust/src/lib.rs", "swift/Sources/Logfile/Logfile.swift"] {
            let text = String(decoding: try readFile("\(Repository.root)/examples/plugins/\(file)"), as: UTF8.self)
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count < 250, "\(file)")
        }
    }

    @Test("What is there is not overwritten, and a name that a server could not use is refused")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        try directory.write("precious", to: "my-store")
        let existing = try run(kesPath(), ["plugin", "new", "my-store"], directory: directory.path)
        #expect(existing.code == 1)
        #expect(existing.errorText.contains("my-store exists already: nothing was changed"))
        #expect(String(decoding: try readFile(directory.file("my-store")), as: UTF8.self) == "precious")
        for name in ["../x", "My-Store", "1st", ""] {
            let refused = try run(kesPath(), ["plugin", "new", name], directory: directory.path)
            #expect(refused.code == 2, "\(name)")
        }
    }
}
