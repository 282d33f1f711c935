import ArgumentParser
import Credentials
import Glibc
import KESClient
import SecureBytes

struct IdentityNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make an API key, and files with its private key and a certificate if asked for.")

    @Option(help: ArgumentHelp("Write the private key to this file.", valueName: "file"), completion: .file())
    var key: String?

    @Option(help: ArgumentHelp("Write the certificate to this file.", valueName: "file"), completion: .file())
    var cert: String?

    @Option(help: ArgumentHelp("An IP address for the certificate; may be repeated.", valueName: "ip"))
    var ip: [String] = []

    @Option(help: ArgumentHelp("A DNS name for the certificate; may be repeated.", valueName: "name"))
    var dns: [String] = []

    @Option(help: ArgumentHelp("How long the certificate is valid, such as 720h.", valueName: "duration"))
    var expiry = DurationArgument(hours: 720)

    @Flag(help: "Ask for a password and encrypt the private key with it.")
    var encrypt = false

    @Flag(name: .shortAndLong, help: "Replace files that exist, and keep their owners and permissions.")
    var force = false

    @Argument(help: "The common name in the certificate, instead of the identity.")
    var subject: String?

    @OptionGroup var unused: UnusedClientOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        if (key == nil) != (cert == nil) { throw ValidationError("--key and --cert belong together: give both or none.") }
        if key == nil, encrypt || force || !ip.isEmpty || !dns.isEmpty || subject != nil {
            throw ValidationError("These options are about the certificate and its key: add --key and --cert.")
        }
        for name in dns where IPAddress.bytes(name) != nil {
            throw ValidationError("'\(name)' is an IP address; addresses go with --ip.")
        }
        if let key, key == cert { throw ValidationError("--key and --cert have to be two files.") }
        if expiry.value < .seconds(1) { throw ValidationError("--expiry has to be a second or more.") }
    }

    func run() throws {
        let apiKey = try newAPIKey()
        if let key, let cert { try writeFiles(apiKey, keyFile: key, certificateFile: cert) }
        let output = printing.output
        try output.secret(printing.json ? newIdentityJSON(apiKey) : newIdentityText(apiKey, output))
    }

    private func writeFiles(_ apiKey: APIKey, keyFile: String, certificateFile: String) throws(CommandFailure) {
        // Before the password is asked for. What counts is that `PendingFile` refuses too.
        if !force {
            for path in [keyFile, certificateFile] where access(path, F_OK) == 0 {
                throw CommandFailure("\(path) exists already: use -f to replace it")
            }
        }
        let password = encrypt ? try Terminal.newPassword() : nil
        let (keyText, certificateText): (SecretBytes, SecretBytes)
        do {
            let template = CertificateTemplate(
                commonName: subject, dnsNames: dns, ipAddresses: ip, usage: .clientAndServer, notBefore: Int64(time(nil)),
                validity: expiry.value.components.seconds)
            let privateKey = try PrivateKey(apiKey)
            keyText =
                try password.map { password throws(CredentialError) in try privateKey.pem(password: password) }
                ?? privateKey.pem()
            let certificate = try SelfSignedCertificate(template, key: privateKey)
            certificateText = certificate.pem.withUnsafeBytes { SecretBytes(copying: $0) }
        } catch {
            throw CommandFailure("cannot make the certificate: \(error)")
        }
        // Whatever the old key was: a private key is nothing for everybody.
        let key = try PendingFile(keyFile, keyText, mode: 0o600, replacing: force, widest: 0o770)
        let certificate: PendingFile
        do {
            certificate = try PendingFile(certificateFile, certificateText, mode: 0o644, replacing: force)
        } catch {
            // Neither a key without its certificate, nor one beside the certificate of another.
            key.discard()
            throw error
        }
        try key.publish()
        try certificate.publish()
    }
}

func newAPIKey() throws(CommandFailure) -> APIKey {
    do {
        return try APIKey()
    } catch {
        throw CommandFailure("cannot make an API key: \(error)")
    }
}

/// What a person who makes an API key needs to know.
func newIdentityText(_ key: APIKey, _ output: Output) -> SecretBytes {
    SecretText.assemble([
        .plain("\n\(output.bold("Your API key:"))\n\n   "), .bytes(key.text),
        .plain(
            """


            It is shown this once only. Keep it secret: whoever has it is you.

            \(output.bold("Your identity:"))

               \(key.identity)

            It is no secret. The server's administrator needs it to give you permissions. To see it again:

               kes identity of <API key>

            \(output.bold("To use the API key:"))

               export KES_API_KEY=
            """),
        .bytes(key.text), .plain("\n\n"),
    ])
}

func newIdentityJSON(_ key: APIKey) -> SecretBytes {
    SecretText.assemble([.plain(#"{"api_key":""#), .bytes(key.text), .plain(#"","identity":"\#(key.identity)"}\#n"#)])
}
