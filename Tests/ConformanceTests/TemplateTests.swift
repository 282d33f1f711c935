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
        for rule in ["open.foreign", "open.damaged"] { #expect(checked.text.contains("ok   \(rule)"), "\(checked.text)") }
        try expectThatFailedRemovalsAreUndone("\(project)/\(library)")
        // The server would find it: the manifest is there.
        let listed = try run(kesPath(), ["plugin", "ls", "--plugins", ".", "--json"], directory: project)
        #expect(listed.text.contains(#""name":"my-store","version":"0.1.0","abi":1,"state":"ready""#), "\(listed.text)")
    }

    @Test(
        "A removal that failed is undone in what the template in C or Rust makes",
        arguments: [("c", "make", "libmy-store.so")]
            + (isInstalled("cargo") ? [("rust", "cargo build --release --offline", "target/release/libmy_store.so")] : []))
    func removal(language: String, build: String, library: String) throws {
        let directory = try TemporaryDirectory()
        let script = "'\(kesPath())' plugin new my-store --language \(language) && cd my-store && \(build)"
        let built = try run("sh", ["-euc", script], directory: directory.path)
        #expect(built.code == 0, "\(built.text)\(built.errorText)")
        try expectThatFailedRemovalsAreUndone("\(directory.path)/my-store/\(library)")
    }

    /// One I/O call of a removal fails, each in turn; or that one and all behind it, after which nothing more may be written.
    private func expectThatFailedRemovalsAreUndone(_ library: String) throws {
        for (lasting, call) in ["", "+"].flatMap({ lasting in (1...4).map { (lasting, $0) } }) {
            let directory = try TemporaryDirectory()
            func drive(_ steps: [String]) throws -> String {
                let configuration = "{\"path\":\"\(directory.file("keys"))\"}"
                return try run("\(buildDirectory())/keystore-driver", [library, configuration] + steps).text
            }
            let text = try drive([
                "open", "create:old:700", "arm:\(call):\(EIO)\(lasting)", "delete:old", "count", "create:new:10", "get:old",
            ])
            let isRemoved = text.contains("delete old 0\n")
            #expect(text.contains("get old \(isRemoved ? 2 : 0) "), "call \(call)\(lasting): \(text)")
            // What could not be undone ends all writing, and says so.
            let isBroken = !isRemoved && lasting == "+"
            #expect(text.contains("create new \(isBroken ? 4 : 0)\n"), "call \(call)\(lasting): \(text)")
            let later = try drive(["open", "get:old"])
            #expect(later.contains("open 0\n"))
            if !isBroken { #expect(later.contains("get old \(isRemoved ? 2 : 0) "), "call \(call)\(lasting): \(text)\(later)") }
        }
    }

    @Test(
        "What the templates in C and C++ make passes UndefinedBehaviorSanitizer",
        arguments: [("c", "CFLAGS"), ("cpp", "CXXFLAGS")])
    func undefinedBehaviour(language: String, variable: String) throws {
        let directory = try TemporaryDirectory()
        let flags = "-O1 -fsanitize=undefined -D_GNU_SOURCE"
        let script = "'\(kesPath())' plugin new my-store --language \(language) && cd my-store && make \(variable)='\(flags)'"
        let built = try run("sh", ["-euc", script], directory: directory.path)
        #expect(built.code == 0, "\(built.text)\(built.errorText)")
        // What the sanitizer finds, it writes to standard error, which is a finding of `process.silent`.
        let rules = ["values.empty", "values.sizes", "names.invalid", "delete.removes", "list.pages", "open.malformed"]
        let checked = try run(
            kesPath(),
            ["plugin", "check", "libmy-store.so", "--config", #"{"path":"{dir}/keys"}"#] + rules.flatMap { ["--only", $0] },
            directory: directory.file("my-store"))
        #expect(checked.code == 0, "\(checked.text)")
    }

    @Test("A message that is too long for the template in C is cut off, and nothing of what lies behind it is sent")
    func longMessage() throws {
        let directory = try TemporaryDirectory()
        try directory.write(
            """
            #include "border.h"
            static void take(void *size, keswick_bytes bytes) { *(size_t *)size = bytes.size; }
            int main(void) {
              char what[400];
              memset(what, 'x', sizeof what - 1);
              what[sizeof what - 1] = 0;
              size_t size = 0;
              keswick_call call = {sizeof call, 0, {&size, take}};
              errno = 0;
              fail(&call, KESWICK_INTERNAL, what);
              return size == 199 ? 0 : 1;
            }
            """, to: "main.c")
        let include = "-I '\(Repository.root)/examples/plugins/c' -I '\(Repository.root)/Sources/PluginAPI/include'"
        let result = try run("sh", ["-euc", "cc -std=gnu11 \(include) main.c -o main && ./main"], directory: directory.path)
        #expect(result.code == 0, "\(result.errorText)")
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
