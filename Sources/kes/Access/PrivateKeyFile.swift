import Credentials
import SecureBytes

/// What the command line needs to know of a private key file.
enum PrivateKeyFile {
    /// Asks for the password of an encrypted private key; nil when the key is not encrypted.
    static func password(for path: String) throws(CommandFailure) -> SecretBytes? {
        let contents = try Files.readSecret(path)
        guard contents.withUnsafeBytes(isEncrypted) else { return nil }
        return try Terminal.password("Password for \(path): ")
    }

    /// Refuses a private key that is another's than the certificate's, which the TLS library would only call a mismatch. A file that cannot be
    /// used at all is left to who uses it.
    static func check(
        _ key: Environment.Setting, isOf certificate: Environment.Setting, password: SecretBytes?
    ) throws(CommandFailure) {
        let keyBytes = try Files.readSecret(key.value)
        let certificateBytes = try Files.readSecret(certificate.value)
        guard let owner = keyBytes.withUnsafeBytes({ try? Identity(ownerOfPrivateKeyPEM: $0, password: password) }),
            let subject = certificateBytes.withUnsafeBytes({ try? ClientCertificate(pem: $0) })
        else { return }
        guard owner == subject.identity else {
            throw CommandFailure(
                "\(key.name) (\(key.value)) is not the key of \(certificate.name) (\(certificate.value)): name the key that the certificate was made for"
            )
        }
    }

    // `-----BEGIN ENCRYPTED PRIVATE KEY-----` (RFC 7468, section 11) or `Proc-Type: 4,ENCRYPTED` (RFC 1421, section 4.6.1.1).
    private static func isEncrypted(_ pem: UnsafeRawBufferPointer) -> Bool {
        let mark = Array("ENCRYPTED".utf8)
        guard pem.count >= mark.count else { return false }
        return (0...pem.count - mark.count).contains { pem[$0..<$0 + mark.count].elementsEqual(mark) }
    }
}
