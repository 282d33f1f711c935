import Glibc
import TestSupport
import Testing

@Suite struct MigrateTests {
    private let stores: Keystores

    init() throws {
        stores = try Keystores()
    }

    @Test func keysGoFromFilesToADatabaseAndBackAndStayTheSame() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        let database = try stores.database("middle")
        let count = 1200
        try stores.make((0..<count).map { "key-\($0)" }, in: "from")

        let there = try kes("migrate", "--from", from.configuration, "--to", database)
        #expect(there.code == 0, "\(there.errorText)")
        #expect(there.text == "Copied \(count) of \(count) keys from fs to sqlite\n")
        // A backup on a disk that is not mounted would look the same.
        #expect(there.errorText.contains("/middle.db, which was not there: it holds no keys. If it should, "))
        #expect(there.errorText.split(separator: "\n").count == 1)
        let back = try kes("migrate", "--from", database, "--to", to.configuration, "--json")
        #expect(back.code == 0, "\(back.errorText)")
        #expect(back.text == #"{"total":\#(count),"copied":\#(count),"skipped":0,"overwritten":0}"# + "\n")
        #expect(try stores.areEqual(from.directory, to.directory))
    }

    @Test func aMigrationThatWasKilledIsCompletedWithMerge() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        let database = try stores.database("from")
        let count = 3000
        try stores.make((0..<count).map { "key-\($0)" }, in: "from")
        #expect(try kes("migrate", "--from", from.configuration, "--to", database).code == 0)

        let killed = try Subprocess(
            kesPath(), ["migrate", "--from", database, "--to", to.configuration], environment: cleaned([:]))
        // In the middle: some keys are there, and not all of them.
        while try names(in: to.directory).count < 20 {
            try #require(!killed.hasEnded, "the migration ended by itself")
        }
        killed.signal(SIGKILL)
        #expect(killed.wait() == -SIGKILL)
        #expect(try names(in: to.directory).count < count)

        let refused = try kes("migrate", "--from", database, "--to", to.configuration)
        #expect(refused.code == 1)
        #expect(refused.errorText.contains("keys already: 'key-"))
        #expect(refused.errorText.contains("Nothing was copied. --merge keeps those that are equal"))
        let resumed = try kes("migrate", "--from", database, "--to", to.configuration, "--merge")
        #expect(resumed.code == 0, "\(resumed.errorText)")
        #expect(resumed.text.contains("were there already"))
        #expect(try stores.areEqual(from.directory, to.directory))
    }

    @Test func whatDiffersIsAnErrorWithMergeAndReplacedWithForce() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make(["a", "b", "c"], in: "from")
        try stores.make(["b"], in: "to")
        let other = try readFile("\(to.directory)/b")

        let refused = try kes("migrate", "--from", from.configuration, "--to", to.configuration)
        #expect(refused.code == 1)
        #expect(refused.errorText.hasPrefix("Error: failed to migrate: the destination holds 1 of the 3 keys already: 'b'."))
        #expect(try names(in: to.directory) == ["b"])

        let merged = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "--merge")
        #expect(merged.code == 1)
        #expect(
            merged.errorText == """
                Error: failed to migrate: 1 of 3 keys was not copied:
                  'b': the destination holds another key of this name (--force replaces it)

                """)
        // The others were copied, and what was there is as it was.
        #expect(try names(in: to.directory) == ["a", "b", "c"])
        #expect(try readFile("\(to.directory)/b") == other)

        let forced = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "--force")
        #expect(forced.code == 0, "\(forced.errorText)")
        #expect(forced.text == "Copied 0 of 3 keys from fs to fs, 2 were there already, 1 was replaced\n")
        #expect(try stores.areEqual(from.directory, to.directory))
    }

    @Test func nothingButTheKeystoreIsNeededOfAConfiguration() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make(["a"], in: "from")
        let backup = try stores.directory.write("keystore:\n  fs:\n    path: \(to.directory)\n", to: "backup.yml")
        let result = try kes("migrate", "--from", from.configuration, "--to", backup)
        #expect(result.code == 0, "\(result.errorText)")
        #expect(try stores.areEqual(from.directory, to.directory))
        for (text, problem) in [
            ("- a\n", "it must be a mapping with at least 'keystore'"),
            ("keystoer: {}\n", "did you mean 'keystore'?"),
            ("tls: {}\n", "there is no keystore"),
        ] {
            try stores.directory.write(text, to: "backup.yml")
            let refused = try kes("migrate", "--from", from.configuration, "--to", backup)
            #expect(refused.code == 1 && refused.errorText.contains(problem), "\(refused.errorText)")
        }
    }

    @Test func aPatternChoosesTheKeys() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make(["app-1", "app-2", "other"], in: "from")
        #expect(try kes("migrate", "--from", from.configuration, "--to", to.configuration, "app-*").code == 0)
        #expect(try names(in: to.directory) == ["app-1", "app-2"])
        #expect(try kes("migrate", "--from", from.configuration, "--to", to.configuration, "other").code == 0)
        #expect(try stores.areEqual(from.directory, to.directory))
        let wrong = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "a/b")
        #expect(wrong.code == 1)
        #expect(wrong.errorText.contains("'a/b' is no pattern of names"))
    }

    @Test func whatIsNoKeyIsNamedAndNotCopiedAndNeverShown() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make(["good"], in: "from")
        try stores.directory.write("bm90IGEga2V5", to: "from/bad")
        let result = try kes("migrate", "--from", from.configuration, "--to", to.configuration)
        #expect(result.code == 1)
        #expect(result.errorText.contains("1 of 2 keys was not copied:\n  'bad': what the source holds cannot be used: "))
        #expect(!result.errorText.contains("bm90"))
        #expect(try names(in: to.directory) == ["good"])
    }

    @Test func whatAKeystoreCannotReadConcernsOneKey() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make(["a", "b", "c"], in: "from")
        try stores.directory.write([UInt8](repeating: 0x20, count: 1 << 20 | 1), to: "from/large")
        // Left by a server that was killed while it created a key.
        try stores.directory.write("", to: "to/b")
        let merged = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "--merge")
        #expect(merged.code == 1)
        #expect(
            merged.errorText.contains("2 of 4 keys were not copied:\n  'b': what the destination holds cannot be used: corrupt: ")
        )
        #expect(merged.errorText.contains("\n  'large': what the source holds cannot be used: corrupt: "))
        #expect(try names(in: to.directory) == ["a", "b", "c"])
        #expect(try readFile("\(to.directory)/b").isEmpty)
        let forced = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "--force")
        #expect(forced.code == 1)
        #expect(forced.errorText.contains("1 of 4 keys was not copied:\n  'large': what the source holds cannot be used: "))
        #expect(unlink("\(from.directory)/large") == 0)
        #expect(try stores.areEqual(from.directory, to.directory))
    }

    /// A limit on the size of files stands for a disk that is full: the new key does not fit, and the old one may.
    @Test(arguments: [0, 8000]) func whatCannotBeReplacedIsPutBack(room: Int) throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        func entry(_ byte: String, room: Int) -> String {
            #"{"# + String(repeating: " ", count: room)
                + #""bytes":"\#(String(repeating: byte, count: 43))=","algorithm":"AES256-GCM_SHA256"}"#
        }
        try stores.directory.write(entry("A", room: 8000), to: "from/k")
        try stores.directory.write(entry("E", room: room), to: "to/k")
        let before = try readFile("\(to.directory)/k")
        let result = try run(
            "sh",
            [
                "-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"", kesPath(), "migrate", "--from", from.configuration, "--to",
                to.configuration, "--force",
            ], environment: cleaned([:]))
        #expect(result.code == 1)
        #expect(result.errorText.contains("the destination keystore 'fs' failed to create key 'k': "))
        if room == 0 {
            #expect(result.errorText.contains("; what the destination held under this name was put back. Copied 0 of 1 key"))
            #expect(try readFile("\(to.directory)/k") == before)
        } else {
            #expect(
                result.errorText.contains("was removed and could not be put back: the destination keystore 'fs' failed to create")
            )
            #expect(result.errorText.contains("The destination has no key of this name now"))
        }
    }

    @Test func theOldFormAndALineEndDoNotMakeAKeyAnother() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make(["k"], in: "from")
        try stores.directory.write(readFile("\(from.directory)/k") + Array("\n".utf8), to: "to/k")
        let result = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "--merge")
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text == "Copied 0 of 1 key from fs to fs, 1 was there already\n")
    }

    /// A path that is mistyped: nothing is made there, of neither keystore.
    @Test(arguments: [("fs", "form"), ("sqlite", "form.db"), ("fs", "no/directory"), ("sqlite", "no/directory.db")])
    func aSourceThatIsNotThereIsAnErrorAndIsNotMade(kind: String, name: String) throws {
        let path = stores.directory.file(name)
        let mistyped = try stores.configuration("typo", "{ \(kind): { path: \(path) } }")
        let to = try stores.database("to")
        for arguments in [["--merge"], ["--force"], [], ["--json"]] {
            let result = try run(kesPath(), ["migrate", "--from", mistyped, "--to", to] + arguments, environment: cleaned([:]))
            #expect(result.code == 1 && result.output.isEmpty)
            #expect(
                result.errorText
                    == "Error: failed to migrate: there is no source at \(path) ('keystore.\(kind).path' of \(mistyped)): nothing "
                    + "was copied. Is the path right, and is the disk mounted?\n")
        }
        #expect(try names(in: stores.directory.path) == ["sqlite-to.yml", "typo.yml"])
    }

    /// A disk that is not mounted.
    @Test func aSourceWithoutKeysIsAnError() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        for arguments in [["--merge"], ["--force"], [], ["--json"]] {
            let result = try run(
                kesPath(), ["migrate", "--from", from.configuration, "--to", to.configuration] + arguments,
                environment: cleaned([:]))
            #expect(result.code == 1 && result.output.isEmpty)
            #expect(
                result.errorText.hasSuffix(
                    "Error: failed to migrate: the source 'fs' of \(from.configuration) holds no keys: nothing was copied. Is its path right, "
                        + "and is the disk mounted?\n"), "\(result.errorText)")
        }
        try stores.make(["a"], in: "from")
        let none = try kes("migrate", "--from", from.configuration, "--to", to.configuration, "b*")
        #expect(none.code == 1 && none.errorText.contains("holds no keys that begin with 'b': nothing was copied"))
    }

    /// Copies keys from files and directories that may be read only. Root, who may write to any, goes without the right to.
    private func migrateReadingOnly(_ from: String, _ to: String, readable files: [String]) throws -> CommandResult {
        for file in files {
            var info = stat()
            try #require(stat(file, &info) == 0)
            try #require(chmod(file, info.st_mode & S_IFMT == S_IFDIR ? 0o555 : 0o444) == 0)
        }
        // So that what they hold can be removed when the test is over.
        defer { for file in files { chmod(file, 0o700) } }
        let command = geteuid() == 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : ["env"]
        let all = command + [kesPath(), "migrate", "--from", from, "--to", to]
        return try run(all[0], Array(all.dropFirst()), environment: cleaned([:]))
    }

    /// A backup may be copied from as it is. A server learns what it cannot do there before the first key is made.
    @Test func aDirectoryThatCannotBeWrittenIsToldOf() throws {
        let from = try stores.files("from")
        try stores.make(["a"], in: "from")
        let database = try stores.database("keys")
        let result = try migrateReadingOnly(
            from.configuration, database, readable: [from.directory, "\(from.directory)/a"])
        #expect(result.code == 0, "\(result.errorText)")
        #expect(
            result.errorText.contains(
                "keys can be read, and not created or deleted: cannot write to \(from.directory): Permission denied"),
            "\(result.errorText)")
    }

    /// As after a restore by root.
    @Test func aDatabaseThatCannotBeWrittenIsRefused() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        let database = try stores.database("keys")
        try stores.make(["a"], in: "from")
        #expect(try kes("migrate", "--from", from.configuration, "--to", database).code == 0)
        let path = stores.directory.file("keys.db")
        let result = try migrateReadingOnly(database, to.configuration, readable: [path])
        #expect(result.code == 1)
        #expect(
            result.errorText.contains(
                "denied: \(path) cannot be written by the server's user (uid \(geteuid())); chown it to that user"),
            "\(result.errorText)")
    }

    /// `code-2` is listed, and its get says that there is no such key: KESWICK_NOT_FOUND.
    @Test func aKeyThatIsDeletedMeanwhileIsNotMissed() throws {
        let plugins = try TemporaryDirectory("plugins")
        let files = try stores.files("entries")
        try stores.make(["entry"], in: "entries")
        try compileKeystore(
            "listed",
            definitions: [#"LISTED="code-2","first","second""#, "ENTRY_FILE=\"\(files.directory)/entry\""], into: plugins)
        try compileKeystore("scripted", into: plugins)
        let (from, to) = (try stores.configuration("from", "{ listed: {} }"), try stores.configuration("to", "{ scripted: {} }"))
        let result = try kes("migrate", "--from", from, "--to", to, environment: ["KES_PLUGINS": plugins.path])
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text == "Copied 2 of 2 keys from listed to scripted\n")
    }

    @Test func configurationsThatCannotBeUsedAreErrors() throws {
        let from = try stores.files("from")
        let same = try kes("migrate", "--from", from.configuration, "--to", from.configuration)
        #expect(same.code == 1)
        #expect(same.errorText.contains("both configurations name the same keystore"))
        let missing = try kes("migrate", "--from", "/nonexistent.yml", "--to", from.configuration)
        #expect(missing.code == 1)
        #expect(missing.errorText.contains("/nonexistent.yml"))
        let unknown = try stores.configuration("unknown", "{ nosuch: {} }")
        let noPlugin = try kes("migrate", "--from", from.configuration, "--to", unknown)
        #expect(noPlugin.code == 1)
        #expect(noPlugin.errorText.contains("no plugin 'nosuch'"))
        let memory = try stores.configuration("memory", "{ mem: {} }")
        #expect(
            try kes("migrate", "--from", from.configuration, "--to", memory).errorText.contains(
                "Warning: the keystore 'mem' does not promise to keep keys over a crash\n"))
    }

    @Test func aTerminalShowsHowFarItIs() throws {
        let (from, to) = (try stores.files("from"), try stores.files("to"))
        try stores.make((0..<50).map { "key-\($0)" }, in: "from")
        let terminal = try KesOnTerminal("migrate", "--from", from.configuration, "--to", to.configuration, "--color=never")
        #expect(terminal.finish() == 0)
        #expect(terminal.shown.contains("░ 0 %  0 of 50 keys\u{1b}[K"))
        #expect(terminal.shown.hasSuffix("\r\u{1b}[KCopied 50 of 50 keys from fs to fs\r\n"))
    }
}
