import Credentials
import Glibc
import TestSupport
import Testing

@Suite struct IdentityTests {
    @Test func theIdentityOfAnAPIKeyIsAllThatIsPrinted() throws {
        for arguments in [["identity", "of"], ["identity"], ["tool", "identity", "of"]] {
            let result = try run(kesPath(), arguments + [Sample.apiKey])
            #expect(result.code == 0)
            #expect(result.text == Sample.identity + "\n")
        }
        let bare = try kes("identity", "of", String(Sample.apiKey.dropFirst("kes:v1:".count)))
        #expect(bare.text == Sample.identity + "\n")
        let json = try kes("identity", "of", Sample.apiKey, "--json")
        #expect(json.text == #"{"identity":"\#(Sample.identity)"}"# + "\n")
    }

    @Test func aBareIdentityIsJustANewAPIKey() throws {
        let first = try kes("identity")
        #expect(first.code == 0)
        #expect(first.text.wholeMatch(of: /kes:v1:[A-Za-z0-9+\/]{44}\n/) != nil)
        #expect(try kes("identity").text != first.text)
    }

    @Test func aNewIdentityIsPrintedWithItsAPIKey() throws {
        let result = try kes("identity", "new")
        #expect(result.code == 0)
        let key = try #require(result.text.firstMatch(of: /kes:v1:[A-Za-z0-9+\/]{44}/)).output
        let identity = try APIKey(String(key)).identity.description
        #expect(result.text.contains("Your API key:\n\n   \(key)\n\n"))
        #expect(result.text.contains("Your identity:\n\n   \(identity)\n\n"))
        #expect(result.text.contains("export KES_API_KEY=\(key)\n"))
        #expect(!result.text.contains("\u{1b}"))
    }

    @Test func aNewIdentityInJSONHasItsAPIKeyAndItsIdentity() throws {
        let text = try kes("identity", "new", "--json").text
        let match = try #require(text.wholeMatch(of: /\{"api_key":"(kes:v1:[^"]+)","identity":"([0-9a-f]{64})"\}\n/))
        #expect(try APIKey(String(match.output.1)).identity.description == match.output.2)
    }

    @Test func filesHoldThePrivateKeyAndACertificateForIt() throws {
        let directory = try TemporaryDirectory()
        let (key, certificate) = (directory.file("k.pem"), directory.file("c.pem"))
        let result = try kes(
            "identity", "new", "--key", key, "--cert", certificate, "--ip", "10.1.2.3", "--ip", "2001:db8::1", "--dns",
            "kes.example.com",
            "--expiry", "48h", "my client")
        #expect(result.code == 0)
        #expect(try mode(of: key) == 0o600)
        #expect(try mode(of: certificate) == 0o644)

        let identity = try #require(result.text.firstMatch(of: /[0-9a-f]{64}/)).output
        #expect(try kes("identity", "of", certificate).text == identity + "\n")
        let described = try readFile(certificate).withUnsafeBytes { try CertificateDescription(pem: $0) }
        #expect(described.subject == "CN=my client")
        #expect(described.ipAddresses == ["10.1.2.3", "2001:db8::1"])
        #expect(described.dnsNames == ["kes.example.com"])
        #expect(described.notAfter - described.notBefore == 48 * 3600)
        #expect(described.allowsClientAuthentication && described.allowsServerAuthentication)

        let ofKey = try run("openssl", ["pkey", "-in", key, "-pubout"])
        let ofCertificate = try run("openssl", ["x509", "-in", certificate, "-noout", "-pubkey"])
        #expect(ofKey.code == 0 && ofKey.output == ofCertificate.output)
        #expect(try run("openssl", ["verify", "-CAfile", certificate, certificate]).code == 0)
    }

    @Test func withoutOptionsACertificateIsForThirtyDaysAndBothSides() throws {
        let directory = try TemporaryDirectory()
        let (key, certificate) = (directory.file("k.pem"), directory.file("c.pem"))
        #expect(try kes("identity", "new", "--key", key, "--cert", certificate).code == 0)
        let described = try readFile(certificate).withUnsafeBytes { try CertificateDescription(pem: $0) }
        #expect(described.notAfter - described.notBefore == 720 * 3600)
        #expect(described.allowsClientAuthentication && described.allowsServerAuthentication)
        #expect(described.ipAddresses.isEmpty && described.dnsNames.isEmpty)
        // `kes identity FILE` is `kes identity of FILE`.
        #expect(try kes("identity", certificate).text == kes("identity", "of", certificate).text)
    }

    @Test func filesAreReplacedOnlyWhenThatIsAskedFor() throws {
        let directory = try TemporaryDirectory()
        let key = try directory.write("precious", to: "k.pem", mode: 0o644)
        let certificate = directory.file("c.pem")
        let refused = try kes("identity", "new", "--key", key, "--cert", certificate)
        #expect(refused.code == 1)
        #expect(refused.errorText == "Error: \(key) exists already: use -f to replace it\n")
        #expect(refused.output.isEmpty)
        #expect(try readFile(key) == Array("precious".utf8))
        #expect(try names(in: directory.path) == ["k.pem"])

        #expect(try kes("identity", "new", "-f", "--key", key, "--cert", certificate).code == 0)
        #expect(try readFile(key) != Array("precious".utf8))
        // A private key is for nobody else, whatever the old one was.
        #expect(try mode(of: key) == 0o640)
        #expect(try names(in: directory.path) == ["c.pem", "k.pem"])
    }

    @Test func whatIsReplacedKeepsItsOwnerItsGroupAndItsMode() throws {
        let directory = try TemporaryDirectory()
        let key = try directory.write("old", to: "k.pem", mode: 0o440)
        let certificate = try directory.write("old", to: "c.pem", mode: 0o600)
        // Only root can give files away.
        let group: gid_t = geteuid() == 0 ? 65534 : getegid()
        try #require(chown(key, geteuid(), group) == 0)
        #expect(try kes("identity", "new", "-f", "--key", key, "--cert", certificate).code == 0)
        var status = stat()
        #expect(stat(key, &status) == 0 && status.st_gid == group && status.st_uid == geteuid())
        #expect(try mode(of: key) == 0o440 && mode(of: certificate) == 0o600)
        #expect(try readFile(key) != Array("old".utf8) && readFile(certificate) != Array("old".utf8))
    }

    @Test func theIdentityOfAFileWithAnAPIKeyIsThatOfTheKey() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(" \(Sample.apiKey)\r\n", to: "admin.api-key")
        #expect(try kes("identity", "of", file).text == Sample.identity + "\n")
        let damaged = try directory.write(String(Sample.apiKey.dropLast(3)), to: "damaged.api-key")
        let result = try kes("identity", "of", damaged)
        #expect(result.code == 1 && result.errorText.contains("\(damaged) is neither an API key nor a file with"))
        #expect(!result.errorText.contains(Sample.apiKey.dropFirst(7).prefix(20)))
    }

    @Test func theCertificateOfAnAuthorityIsPointedOut() throws {
        let directory = try TemporaryDirectory()
        for isAuthority in [true, false] {
            let made = try run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", directory.file("k"), "-out",
                    directory.file("c.crt"),
                    "-subj", "/CN=me", "-addext", "basicConstraints=critical,CA:\(isAuthority ? "TRUE" : "FALSE")",
                ])
            try #require(made.code == 0, "\(made.errorText)")
            let result = try kes("identity", "of", directory.file("c.crt"))
            #expect(result.code == 0 && result.text.wholeMatch(of: /[0-9a-f]{64}\n/) != nil)
            let warning =
                "Warning: \(directory.file("c.crt")) is the certificate of an authority (CA:TRUE); no server takes it for a client\n"
            #expect(result.errorText == (isAuthority ? warning : ""))
        }
    }

    @Test func anAddressIsNoName() throws {
        let directory = try TemporaryDirectory()
        let files = ["--key", directory.file("k"), "--cert", directory.file("c")]
        for arguments in [["identity", "new"] + files, ["init", directory.file("d")]] {
            for address in ["1.2.3.4", "::1"] {
                let result = try run(kesPath(), arguments + ["--dns", address], environment: cleaned([:]))
                #expect(result.code == 2)
                #expect(
                    result.errorText.contains("'\(address)' is an IP address; addresses go with --ip."), "\(result.errorText)")
            }
        }
        #expect(try names(in: directory.path).isEmpty)
    }

    @Test func aKeyIsNotLeftWithoutItsCertificate() throws {
        let directory = try TemporaryDirectory()
        let result = try kes("identity", "new", "--key", directory.file("k"), "--cert", directory.file("no/such/directory"))
        #expect(result.code == 1)
        #expect(try names(in: directory.path).isEmpty)
        // Nor is the key replaced when the certificate cannot be.
        let key = try directory.write("old", to: "k")
        #expect(try kes("identity", "new", "-f", "--key", key, "--cert", directory.file("no/such/directory")).code == 1)
        #expect(try readFile(key) == Array("old".utf8))
        #expect(try names(in: directory.path) == ["k"])
    }

    @Test(arguments: [["--dns", "not a name"], ["--ip", "10.0.0"]])
    func whatIsNoNameOrAddressIsRefused(arguments: [String]) throws {
        let directory = try TemporaryDirectory()
        let result = try run(
            kesPath(), ["identity", "new", "--key", directory.file("k"), "--cert", directory.file("c")] + arguments)
        #expect(result.code == 1)
        #expect(result.errorText.contains("'\(arguments[1])' is neither an IP address nor a DNS name"))
        #expect(try names(in: directory.path).isEmpty)
    }

    @Test(arguments: ["kes:v1:AAAA", "kes:v2:APwC3OJdx84D+y0MDsEShC+5KJQou66lrfl13Uzxfonw", "/nonexistent"])
    func whatHasNoIdentityIsAnError(source: String) throws {
        let result = try kes("identity", "of", source)
        #expect(result.code == 1)
        #expect(result.output.isEmpty)
        #expect(result.errorText.hasPrefix("Error: "))
    }

    @Test func aPasswordIsAskedForTwiceAndNotShown() throws {
        let directory = try TemporaryDirectory()
        let (key, certificate) = (directory.file("k.pem"), directory.file("c.pem"))
        let terminal = try KesOnTerminal("identity", "new", "--encrypt", "--key", key, "--cert", certificate)
        #expect(terminal.wait(for: "Password for the private key: "))
        terminal.type("correct horse\n")
        #expect(terminal.wait(for: "The same once more: "))
        terminal.type("correct horse\n")
        #expect(terminal.finish() == 0)
        #expect(!terminal.shown.contains("horse"))

        #expect(try run("openssl", ["pkey", "-in", key, "-passin", "pass:correct horse", "-noout"]).code == 0)
        #expect(try run("openssl", ["pkey", "-in", key, "-passin", "pass:wrong", "-noout"]).code != 0)
    }

    @Test func passwordsThatDifferMakeNoFiles() throws {
        let directory = try TemporaryDirectory()
        let terminal = try KesOnTerminal(
            "identity", "new", "--encrypt", "--key", directory.file("k"), "--cert", directory.file("c"))
        #expect(terminal.wait(for: "Password for the private key: "))
        terminal.type("one\n")
        #expect(terminal.wait(for: "The same once more: "))
        terminal.type("two\n")
        #expect(terminal.finish() == 1)
        #expect(terminal.shown.contains("Error: the passwords differ"))
        #expect(try names(in: directory.path).isEmpty)
    }

    @Test func ctrlCAtThePromptMakesNoFilesAndSwitchesTheEchoOnAgain() throws {
        let directory = try TemporaryDirectory()
        let state = directory.file("state")
        // A shell around `kes` that notes how it left the terminal.
        let terminal = try KesOnTerminal(
            shell: "trap : INT; \"$KES\" identity new --encrypt --key k --cert c; stty -a >state",
            environment: ["KES": kesPath()], directory: directory.path)
        #expect(terminal.wait(for: "Password for the private key: "))
        terminal.type("half\u{3}")
        _ = terminal.finish()
        #expect(try names(in: directory.path) == ["state"])
        #expect(String(decoding: try readFile(state), as: UTF8.self).contains(" echo "))
    }

    @Test func aTerminalGetsColoursUnlessTheyAreUnwanted() throws {
        for (environment, arguments, isColoured) in [
            ([:], [], true), (["NO_COLOR": "1"], [], false), (["NO_COLOR": ""], [], true), ([:], ["--color=never"], false),
            (["NO_COLOR": "1"], ["--color=always"], true),
        ] as [([String: String], [String], Bool)] {
            let terminal = try KesOnTerminal("identity", "new", arguments.first ?? "--color=auto", environment: environment)
            #expect(terminal.finish() == 0)
            #expect(terminal.shown.contains("\u{1b}[1m") == isColoured)
        }
        #expect(try kes("identity", "new", "--color", "always").text.contains("\u{1b}[1m"))
    }
}
