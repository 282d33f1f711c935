import Glibc
import TestSupport
import Testing

/// What becomes of keys when the destination fails while they are copied, or replaced with `--force`. `Fixtures/faulty.c` fails as the keys'
/// names say.
@Suite struct MigrateForceTests {
    private let stores: Keystores
    private let plugins: TemporaryDirectory
    private let from: (configuration: String, directory: String)
    private let destination: String
    private let to: String

    init() throws {
        stores = try Keystores()
        plugins = try TemporaryDirectory("plugins")
        from = try stores.files("from")
        destination = stores.directory.file("to")
        #expect(mkdir(destination, 0o700) == 0)
        try compileKeystore("faulty", source: "faulty.c", definitions: ["DIRECTORY=\"\(destination)\""], into: plugins)
        to = try stores.configuration("to", "{ faulty: {} }\nplugins: { directory: \(plugins.path) }")
    }

    /// Keys of these names in both keystores, which differ.
    private func make(_ names: String...) throws {
        try stores.make(names, in: "from")
        try stores.make(names, in: "to")
    }

    private func migrate(_ option: String = "--force") throws -> CommandResult {
        try kes("migrate", "--from", from.configuration, "--to", to, option)
    }

    private func isNew(_ name: String) throws -> Bool {
        try readFile("\(from.directory)/\(name)") == readFile("\(destination)/\(name)")
    }

    @Test func anAnswerThatIsLostIsAskedForAgain() throws {
        let names = ["blind-k", "late-k", "lost-create-k", "lost-remove-k"]
        try stores.make(names, in: "from")
        try stores.make(names, in: "to")
        let result = try migrate()
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text == "Copied 0 of 4 keys from fs to faulty, 4 were replaced\n")
        #expect(try stores.areEqual(from.directory, destination))
    }

    /// Without --force, too: what stands there is read before a create without an answer is called a failure.
    @Test(arguments: ["--merge", "--force"]) func aNewKeyWhoseAnswerIsLostIsThere(option: String) throws {
        try stores.make(["lost-first-k"], in: "from")
        let result = try migrate(option)
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text == "Copied 1 of 1 key from fs to faulty\n")
        #expect(try stores.areEqual(from.directory, destination))
    }

    @Test func aNewKeyThatWasNotStoredAsItIsIsNoCopy() throws {
        try stores.make(["spoiled-first-k"], in: "from")
        let result = try migrate("--merge")
        #expect(result.code == 1)
        #expect(
            result.errorText.contains("failed to create key 'spoiled-first-k': unreachable: the connection is gone"),
            "\(result.errorText)")
    }

    @Test(arguments: ["refused-k", "spoiled-k"]) func whatCannotBeReplacedIsPutBack(name: String) throws {
        try make(name)
        let before = try readFile("\(destination)/\(name)")
        let result = try migrate()
        #expect(result.code == 1)
        #expect(result.errorText.contains("; what the destination held under this name was put back"), "\(result.errorText)")
        #expect(try readFile("\(destination)/\(name)") == before)
    }

    @Test func whatCannotBeRemovedStays() throws {
        try make("kept-k")
        let result = try migrate()
        #expect(result.code == 1)
        #expect(
            result.errorText.contains(
                "failed to remove key 'kept-k': unreachable: the connection is gone; what the destination held under this name is still "
                    + "there. Copied 0 of 1 key; run it again"), "\(result.errorText)")
    }

    /// Several at once: each key that is missing now is named, with what tells it from others, and without its value.
    @Test func eachKeyThatIsMissingIsNamed() throws {
        try make("gone-a", "gone-b")
        let old = try readFile("\(destination)/gone-a")
        let result = try migrate()
        #expect(result.code == 1)
        for name in ["gone-a", "gone-b"] {
            #expect(
                result.errorText.contains(
                    """
                    failed to create key '\(name)': unreachable: the connection is gone; what the destination held under this name (an AES256 \
                    key, created 2023-11-14T22:13:20.000000005Z by \(Sample.identity)) was removed and could not be put back: the \
                    destination keystore 'faulty' failed to create key '\(name)': unreachable: the connection is gone. The destination has \
                    no key of this name now: run it again with --force, which creates that of the source. What was there before is only in \
                    backups of the destination
                    """), "\(result.errorText)")
        }
        #expect(!result.errorText.contains(String(decoding: old.prefix(20), as: UTF8.self)))
        #expect(try names(in: destination).isEmpty)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalWaitsForWhatWasBegun(signal: Int32) throws {
        let gate = stores.directory.file("gate")
        #expect(mkfifo(gate, 0o600) == 0)
        // For reading too, which does not wait for the plugin.
        let end = open(gate, O_RDWR | O_CLOEXEC)
        try #require(end >= 0)
        let rest = (0..<50).map { "z-\($0)" }
        try make("piped-k")
        try stores.make(rest, in: "from")
        let process = try Subprocess(
            kesPath(), ["migrate", "--from", from.configuration, "--to", to, "--force"],
            environment: cleaned([:]))
        var said = ""
        func wait(for text: String) throws {
            while !said.contains(text) {
                let bytes = process.readError()
                try #require(!bytes.isEmpty, "it ended: \(said)")
                said += String(decoding: bytes, as: UTF8.self)
            }
        }
        // With the key removed. The plugin holds its lock, so that other calls wait for this one.
        try wait(for: "waiting at the gate")
        #expect(access("\(destination)/piped-k", F_OK) != 0)
        process.signal(signal)
        try wait(for: "Once more ends it at once")
        close(end)
        let (_, rest2) = process.collect()
        said += String(decoding: rest2, as: UTF8.self)
        #expect(process.wait() == -signal)
        #expect(said.contains("Error: failed to migrate: interrupted. "), "\(said)")
        #expect(said.contains(" of 51 keys; run it again with --merge to go on, or with --force"), "\(said)")
        #expect(try isNew("piped-k"))
        #expect(try names(in: destination).count < 51)
    }
}
