import Glibc
import TestSupport
import Testing

/// README.md, taken at its word.
@Suite struct ReadmeTests {
    @Test("The commands of the README work as they stand, in its order")
    func commands() throws {
        let blocks = try Self.blocks(in: "sh")
        // The first block builds and tests: it is what this test runs in, and .ci/run starts the scripts themselves.
        let scripts = blocks.first?.split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(scripts == ["./scripts/run.sh", "./scripts/test.sh"])
        #expect(blocks.count > 4)

        let workingTree = try Self.makeWorkingTree()
        let server = try Subprocess(kesPath(), ["server", "--config", workingTree.file("data/config.yml")])
        let port = try ServerProcess.waitForBanner(of: server).port
        let script = blocks.dropFirst().joined(separator: "\n").replacing("127.0.0.1:7373", with: "127.0.0.1:\(port)")
        let result = try run(
            "sh", ["-eu"], input: Array(script.utf8), environment: Self.environment, directory: workingTree.path)
        #expect(result.code == 0, "\(result.errorText)")

        // Each data key is shown twice: as it was generated, and as it was decrypted.
        let plaintexts = result.text.split(separator: "\"plaintext\":\"").dropFirst().map { $0.prefix { $0 != "\"" } }
        #expect(plaintexts.count == 4)
        #expect(Set(plaintexts).count == 2)
        #expect(plaintexts.allSatisfy { $0.utf8.count == 44 })
        #expect(result.text.contains("my-key\n"))
        #expect(result.text.contains(#"{"names":["my-key","my-other-key"]}"#))
    }

    @Test("A policy like the README's is a valid one")
    func policy() throws {
        let policy = try #require(try Self.blocks(in: "yaml").first { $0.hasPrefix("policy:") })
        let workingTree = try Self.makeWorkingTree()
        let configuration = String(decoding: try readFile(workingTree.file("data/config.yml")), as: UTF8.self)
        try workingTree.write(configuration + policy, to: "data/config.yml")
        let result = try run(kesPath(), ["server", "--check", "--config", workingTree.file("data/config.yml")])
        #expect(result.code == 0, "\(result.errorText)")
    }

    /// A directory as a working tree is after ./scripts/run.sh has built and set up, but for the port.
    private static func makeWorkingTree() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory("kes-readme")
        #expect(mkdir(directory.file(".build"), 0o700) == 0)
        #expect(symlink(buildDirectory(), directory.file(".build/release")) == 0)
        let initialized = try run(kesPath(), ["init", directory.file("data")])
        #expect(initialized.code == 0, "\(initialized.errorText)")
        let path = directory.file("data/config.yml")
        let configuration = String(decoding: try readFile(path), as: UTF8.self)
        #expect(configuration.contains("\naddress: 127.0.0.1:7373\n"))
        try directory.write(configuration.replacing("127.0.0.1:7373", with: "127.0.0.1:0"), to: "data/config.yml")
        return directory
    }

    /// What a user's shell may hold for a server of their own, and what proxies would do with a local address.
    private static let environment: [String: String?] = [
        "MINIO_KES_SERVER": nil, "MINIO_KES_API_KEY": nil, "MINIO_KES_KEY_FILE": nil, "MINIO_KES_CERT_FILE": nil,
        "KES_CLIENT_KEY": nil, "KES_CLIENT_CERT": nil, "no_proxy": "127.0.0.1",
    ]

    /// The fenced blocks of a language, without their fences.
    private static func blocks(in language: String) throws -> [String] {
        let readme = String(decoding: try readFile("\(Repository.root)/README.md"), as: UTF8.self)
        var blocks: [String] = []
        var block: String?
        for line in readme.split(separator: "\n", omittingEmptySubsequences: false) {
            if let open = block {
                if line == "```" {
                    blocks.append(open)
                    block = nil
                } else {
                    block = open + line + "\n"
                }
            } else if line == "```\(language)" {
                block = ""
            }
        }
        return blocks
    }
}
