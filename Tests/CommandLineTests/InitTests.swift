import Credentials
import Glibc
import TestSupport
import Testing

@Suite struct InitTests {
    private static let files = ["admin.api-key", "admin.crt", "admin.key", "config.yml", "server.crt", "server.key"]

    private func certificate(_ path: String) throws -> CertificateDescription {
        try readFile(path).withUnsafeBytes { try CertificateDescription(pem: $0) }
    }

    @Test func aDeploymentIsReadyAndPrivate() throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("kes")
        let result = try kes("init", directory)
        #expect(result.code == 0)
        #expect(result.error.isEmpty)
        #expect(try names(in: directory) == Self.files)
        #expect(try names(in: parent.path) == ["kes"])
        #expect(try mode(of: directory) == 0o700)
        for file in Self.files { #expect(try mode(of: "\(directory)/\(file)") == (file.hasSuffix(".crt") ? 0o644 : 0o600)) }

        let key = String(decoding: try readFile("\(directory)/admin.api-key").dropLast(), as: UTF8.self)
        let identity = try APIKey(key).identity
        #expect(try certificate("\(directory)/admin.crt").identity == identity)
        let configuration = String(decoding: try readFile("\(directory)/config.yml"), as: UTF8.self)
        #expect(configuration.contains("address: 127.0.0.1:7373\n"))
        #expect(configuration.contains("  identity: \(identity)\n"))
        #expect(configuration.contains("  key: \"\(directory)/server.key\"\n"))
        #expect(
            configuration.contains(
                "keystore:\n  # All keys in one SQLite database.\n  sqlite:\n    path: \"\(directory)/keys.db\"\n"))

        // The output of a script ends in a log, where no API key belongs.
        #expect(!result.text.contains(key))
        for line in [
            "  kes server --config \(directory)/config.yml\n", "  export KES_SERVER=127.0.0.1:7373\n",
            "  export KES_API_KEY=\"$(cat \(directory)/admin.api-key)\"\n", "  export SSL_CERT_FILE=\(directory)/server.crt\n",
        ] { #expect(result.text.contains(line)) }
    }

    @Test func theServersCertificateIsForItsNamesAndAddresses() throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("kes")
        #expect(try kes("init", directory, "--ip", "192.0.2.7", "--ip", "127.0.0.1", "--dns", "kes.example.com").code == 0)
        let server = try certificate("\(directory)/server.crt")
        #expect(server.ipAddresses == ["127.0.0.1", "::1", "192.0.2.7"])
        #expect(server.dnsNames == ["localhost", "kes.example.com"])
        #expect(server.allowsServerAuthentication)
        #expect(!server.isCertificateAuthority)
        #expect(server.notAfter - server.notBefore == 3650 * 86_400)
        let configuration = String(decoding: try readFile("\(directory)/config.yml"), as: UTF8.self)
        #expect(configuration.contains("address: :7373\n"))
    }

    @Test func aServerWithAnIPv6AddressListensOnBothProtocols() throws {
        let parent = try TemporaryDirectory()
        let result = try kes("init", parent.file("kes"), "--ip", "2001:db8::7")
        let configuration = String(decoding: try readFile(parent.file("kes/config.yml")), as: UTF8.self)
        #expect(configuration.contains("address: :7373\n"))
        #expect(result.text.contains("KES_SERVER=[2001:db8::7]:7373\n"))
    }

    @Test func opensslTakesWhatWasMade() throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("kes")
        #expect(try kes("init", directory).code == 0)
        let server = "\(directory)/server.crt"
        let verified = try run(
            "openssl", ["verify", "-purpose", "sslserver", "-verify_ip", "127.0.0.1", "-CAfile", server, server])
        #expect(verified.code == 0)
        for name in ["server", "admin"] {
            let ofKey = try run("openssl", ["pkey", "-in", "\(directory)/\(name).key", "-pubout"])
            let ofCertificate = try run("openssl", ["x509", "-in", "\(directory)/\(name).crt", "-noout", "-pubkey"])
            #expect(ofKey.code == 0 && ofKey.output == ofCertificate.output)
        }
        #expect(try run("openssl", ["x509", "-in", server, "-noout", "-text"]).text.contains("prime256v1"))
    }

    @Test func filesAreKeptInADirectoryWhenThatIsAskedFor() throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("kes")
        #expect(try kes("init", directory, "--keystore", "fs").code == 0)
        #expect(try names(in: directory) == (Self.files + ["keys"]).sorted())
        #expect(try mode(of: "\(directory)/keys") == 0o700)
        let configuration = String(decoding: try readFile("\(directory)/config.yml"), as: UTF8.self)
        #expect(configuration.contains("  fs:\n    path: \"\(directory)/keys\"\n"))
    }

    @Test(arguments: ["config.yml", "admin.key", "server.crt", "admin.api-key"])
    func nothingThatExistsIsTouched(name: String) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("precious", to: name)
        let result = try kes("init", directory.path)
        #expect(result.code == 1)
        #expect(result.errorText == "Error: \(file) exists already: nothing was changed. Choose another directory\n")
        #expect(try names(in: directory.path) == [name])
        #expect(try readFile(file) == Array("precious".utf8))
    }

    @Test func aDanglingLinkIsInTheWayToo() throws {
        let directory = try TemporaryDirectory()
        let target = directory.file("elsewhere")
        #expect(symlink(target, directory.file("server.key")) == 0)
        #expect(try kes("init", directory.path).code == 1)
        #expect(try names(in: directory.path) == ["server.key"])
    }

    @Test func anEmptyDirectoryIsMadePrivateAndAnotherKeepsItsMode() throws {
        let parent = try TemporaryDirectory()
        for (name, other, expected) in [("empty", nil, 0o700), ("used", "notes", 0o755)] as [(String, String?, mode_t)] {
            #expect(mkdir(parent.file(name), 0o755) == 0 && chmod(parent.file(name), 0o755) == 0)
            if let other { try parent.write("", to: "\(name)/\(other)") }
            #expect(try kes("init", parent.file(name)).code == 0)
            #expect(try mode(of: parent.file(name)) == expected)
        }
    }

    @Test func aDirectoryThatOthersMayWriteToIsRefused() throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("open")
        #expect(mkdir(directory, 0o777) == 0 && chmod(directory, 0o777) == 0)
        let result = try kes("init", directory)
        #expect(result.code == 1)
        #expect(result.errorText.contains("other users may write to \(directory)"))
        #expect(try names(in: directory).isEmpty)
    }

    @Test func whatIsNoDirectoryOrHasNoParentIsRefused() throws {
        let parent = try TemporaryDirectory()
        let file = try parent.write("", to: "file")
        #expect(try kes("init", file).code == 1)
        #expect(try kes("init", parent.file("no/such")).code == 1)
        #expect(try kes("init", "").code == 1)
        #expect(try names(in: parent.path) == ["file"])
    }

    @Test func aFailureHalfWayLeavesNothing() throws {
        let parent = try TemporaryDirectory()
        // The configuration, the last file, is the only one of more than 1024 bytes.
        let limited = "trap '' XFSZ; ulimit -f 2; exec \"$0\" init \"$1\""
        let result = try run("dash", ["-c", limited, kesPath(), parent.file("kes")])
        #expect(result.code == 1)
        #expect(result.errorText.contains("File too large"))
        #expect(try names(in: parent.path).isEmpty)

        #expect(mkdir(parent.file("there"), 0o700) == 0)
        #expect(try run("dash", ["-c", limited, kesPath(), parent.file("there")]).code == 1)
        #expect(try names(in: parent.file("there")).isEmpty)
    }

    @Test func aRelativePathBecomesAbsoluteAndIsQuotedForTheShell() throws {
        let parent = try TemporaryDirectory()
        let result = try kes("init", "it's \"here\"/", directory: parent.path)
        #expect(result.code == 0)
        let configuration = String(decoding: try readFile(parent.file("it's \"here\"/config.yml")), as: UTF8.self)
        #expect(configuration.contains(#"  key: "\#(parent.path)/it's \"here\"/server.key""#))
        #expect(result.text.contains(#"kes server --config '\#(parent.path)/it'\''s "here"/config.yml'"#))
    }

    @Test func onATerminalTheAPIKeyIsShownOnce() throws {
        let parent = try TemporaryDirectory()
        let terminal = try KesOnTerminal("init", parent.file("kes"))
        #expect(terminal.finish() == 0)
        let key = String(decoding: try readFile(parent.file("kes/admin.api-key")).dropLast(), as: UTF8.self)
        #expect(terminal.shown.split(separator: key, omittingEmptySubsequences: false).count == 2)
    }

    @Test func inJSONItNamesWhatItMade() throws {
        let parent = try TemporaryDirectory()
        let directory = parent.file("kes")
        let text = try kes("init", directory, "--json").text
        let identity = try certificate("\(directory)/admin.crt").identity
        #expect(
            text == #"{"directory":"\#(directory)","config":"\#(directory)/config.yml","server":"127.0.0.1:7373","#
                + #""identity":"\#(identity)","api_key_file":"\#(directory)/admin.api-key"}"# + "\n")
    }
}
