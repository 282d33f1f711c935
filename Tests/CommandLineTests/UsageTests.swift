import TestSupport
import Testing

@Suite struct UsageTests {
    @Test(arguments: [
        [], ["nonsense"], ["key"], ["policy"], ["tool"], ["tool", "identity"], ["key", "nonsense"], ["key", "create"],
        ["key", "rm"],
        ["key", "import", "a"], ["key", "encrypt", "a"], ["key", "info", "a", "b"], ["policy", "create", "a"], ["init"],
        ["identity", "of"], ["identity", "new", "--key", "k"], ["identity", "new", "--nonsense"], ["ls", "-i", "-p"],
        ["status", "--color", "blue"], ["log", "--audit", "--error"], ["metric", "--rate", "3"], ["migrate"],
        ["migrate", "--from", "f"],
        ["migrate", "--from", "f", "--to", "t", "--force", "--merge"], ["completion", "tcsh"],
        ["server", "--dev", "--config", "c.yml"], ["server", "--auth", "maybe"], ["server", "--port", "99999"],
        ["server", "--check"], ["server", "--config"], ["server", "--config", "c.yml", "--nonsense"],
        ["init", "d", "--ip", "localhost"], ["init", "d", "--keystore", "vault"],
        ["plugin", "check", "mem", "--timeout", "inf"], ["plugin", "check", "mem", "--timeout", "0"],
    ])
    func wrongUsageExitsWith2AndSaysSoOnStandardError(arguments: [String]) throws {
        let result = try run(kesPath(), arguments, environment: cleaned([:]))
        #expect(result.code == 2)
        #expect(result.output.isEmpty)
        #expect(result.errorText.contains("USAGE:") || result.errorText.hasPrefix("Error: "))
    }

    @Test(arguments: [
        (["key", "creat", "x"], "'creat' is no command of 'kes key'; did you mean 'kes key create'?"),
        (["kye", "ls"], "'kye' is no command of 'kes'; did you mean 'kes key'?"),
        (["policy", "asign", "p", "-k"], "'asign' is no command of 'kes policy'; did you mean 'kes policy assign'?"),
        (["plugin", "chek"], "'chek' is no command of 'kes plugin'; did you mean 'kes plugin check'?"),
        (["tool", "identity", "fo"], "'fo' is no command of 'kes tool identity'; did you mean 'kes tool identity of'?"),
        (
            ["key", "describe", "x"],
            "'describe' is no command of 'kes key'; there are create, import, info, ls, rm, encrypt, decrypt, dek. "
                + "See 'kes key --help'"
        ),
    ])
    func whatWasMeantByACommandThatIsNoneIsSaid(arguments: [String], message: String) throws {
        let result = try run(kesPath(), arguments, environment: cleaned([:]))
        #expect(result.code == 2)
        #expect(result.errorText == "Error: \(message)\n")
    }

    @Test func aCommandOfIdentityCanBeMistypedTooAlthoughThereAFileMayStand() throws {
        let result = try kes("identity", "nwe")
        #expect(result.code == 1)
        #expect(
            result.errorText == "Error: cannot read nwe: No such file or directory; did you mean 'kes identity new'?\n")
        let directory = try TemporaryDirectory()
        try directory.write("nothing", to: "nwe")
        let read = try run(kesPath(), ["identity", "nwe"], directory: directory.path)
        #expect(read.errorText.hasPrefix("Error: nwe is neither an API key nor ") && !read.errorText.contains("did you mean"))
    }

    /// Words behind the name of a command, and behind options, are its own.
    @Test(arguments: [["key", "info", "creat", "b"], ["ls", "a", "b"], ["help", "kye"], ["--nonsense", "kye"]])
    func wordsBehindACommandAreNone(arguments: [String]) throws {
        #expect(!(try run(kesPath(), arguments, environment: cleaned([:])).errorText.contains("is no command of")))
    }

    @Test(arguments: [["--help"], ["help"], ["key", "--help"], ["help", "identity", "new"], ["server", "-h"]])
    func helpGoesToStandardOutput(arguments: [String]) throws {
        let result = try run(kesPath(), arguments)
        #expect(result.code == 0)
        #expect(result.text.contains("USAGE: kes"))
        #expect(result.error.isEmpty)
    }

    @Test func theVersionIsOneLine() throws {
        let result = try kes("--version")
        #expect(result.code == 0)
        #expect(result.text.wholeMatch(of: /kes \d+\.\d+\.\d+.*\n/) != nil)
        let short = try kes("-v")
        #expect(short.code == 0 && short.output == result.output && short.error.isEmpty)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionScriptsKnowTheCommands(shell: String) throws {
        let result = try kes("completion", shell)
        #expect(result.code == 0)
        for command in ["server", "identity", "dek", "--insecure"] {
            // fish writes long options without their dashes.
            #expect(result.text.contains(shell == "fish" ? command.replacing("--", with: "") : command))
        }
        if shell == "bash" {
            let directory = try TemporaryDirectory()
            let script = try directory.write(result.output, to: "kes.bash")
            #expect(try run("bash", ["-n", script]).code == 0)
        }
    }

    @Test(arguments: [
        ["--config", "/nonexistent/c.yml"], ["--config=/nonexistent/c.yml"],
        ["--config", "other.yml", "--config", "/nonexistent/c.yml"],
        ["--addr=127.0.0.1:0", "--plugins", "/nonexistent", "--config", "/nonexistent/c.yml"],
    ])
    func theServersOptionsMayBeWrittenInAnyWay(options: [String]) throws {
        let result = try run(kesPath(), ["server"] + options, environment: cleaned([:]))
        #expect(result.code == 1)
        #expect(
            result.errorText
                == "Error: the configuration is not valid\n/nonexistent/c.yml: the configuration file cannot be read: No such file or directory\n"
        )
    }

    @Test func oldFlagsOfTheServerAreAcceptedWithAWarning() throws {
        // Wrong in another place, so that the flags are parsed and no server starts.
        let result = try kes(
            "server", "--config", "/nonexistent/c.yml", "--key", "k", "--cert", "c", "--auth", "off", "--root", "r", "--port",
            "7373")
        #expect(result.code == 1)
        for flag in ["--key", "--cert", "--auth", "--root", "--port"] {
            #expect(result.errorText.contains("\(flag) is deprecated: use "))
        }
    }

    @Test func oldFlagsThatChangeLittleAreAccepted() throws {
        let server = try kes("server", "--config", "/nonexistent/c.yml", "--mlock", "--quiet")
        #expect(server.code == 1 && server.errorText.contains("--mlock is deprecated: memory is locked without it"))
        for flags in [["-f", "-q"], ["--force", "--quiet"]] {
            let migration = try run(kesPath(), ["migrate", "--from", "/nonexistent/a", "--to", "/nonexistent/b"] + flags)
            #expect(migration.code == 1 && migration.errorText.contains("/nonexistent/a: "))
        }
        // Both, as before.
        #expect(try kes("migrate", "--from", "a", "--to", "b", "-f", "--merge").code == 2)
    }

    @Test func outputThatCannotBeWrittenIsAFailure() throws {
        let result = try run("sh", ["-c", "\"$0\" identity >/dev/full", kesPath()])
        #expect(result.code == 1)
        #expect(result.errorText == "Error: cannot write the output: No space left on device\n")
    }
}
