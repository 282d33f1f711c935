import SecureBytes

/// What the command line needs to know of a private key file.
enum PrivateKeyFile {
    /// Asks for the password of an encrypted private key; nil when the key is not encrypted.
    static func password(for path: String) throws(CommandFailure) -> SecretBytes? {
        let contents = try Files.readSecret(path)
        guard contents.withUnsafeBytes(isEncrypted) else { return nil }
        return try Terminal.password("Password for \(path): ")
    }

    // `-----BEGIN ENCRYPTED PRIVATE KEY-----` (RFC 7468, section 11) or `Proc-Type: 4,ENCRYPTED` (RFC 1421, section 4.6.1.1).
    private static func isEncrypted(_ pem: UnsafeRawBufferPointer) -> Bool {
        let mark = Array("ENCRYPTED".utf8)
        guard pem.count >= mark.count else { return false }
        return (0...pem.count - mark.count).contains { pem[$0..<$0 + mark.count].elementsEqual(mark) }
    }
}
