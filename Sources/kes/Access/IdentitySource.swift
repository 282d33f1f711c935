import Credentials
import Glibc

/// Where an identity comes from: an API key, or a file with one or with a certificate.
enum IdentitySource {
    /// Prints just the identity.
    static func print(_ source: String, _ printing: OutputOptions) throws(CommandFailure) {
        let identity = try identity(of: source).description
        try printing.output.line(printing.json ? #"{"identity":"\#(identity)"}"# : identity)
    }

    static func identity(of source: String) throws(CommandFailure) -> Identity {
        if source.hasPrefix("kes:") {
            do {
                return try APIKey(source).identity
            } catch {
                throw CommandFailure("\(error)")
            }
        }
        // The prefix of an API key is optional, so that it may look like a file name. A file goes first: API keys are random.
        if access(source, F_OK) != 0, let key = try? APIKey(source) { return key.identity }
        let contents = try Files.readSecret(source)
        let isAPIKeyFile = contents.count < longestAPIKeyFile
        if isAPIKeyFile, let key = contents.withUnsafeBytes({ try? APIKey(parsing: trimmed($0)) }) { return key.identity }
        let certificate: ClientCertificate
        do {
            certificate = try contents.withUnsafeBytes { pem throws(CredentialError) in try ClientCertificate(pem: pem) }
        } catch {
            throw CommandFailure("\(source) is neither an API key nor a file with an API key or a PEM certificate: \(error)")
        }
        if certificate.isCertificateAuthority {
            try Output.write(
                "Warning: \(source) is the certificate of an authority (CA:TRUE); no server takes it for a client\n",
                to: STDERR_FILENO)
        }
        return certificate.identity
    }

    // What `kes init` writes has 52 characters and a line end.
    private static let longestAPIKeyFile = 128

    /// Without the white space around it.
    private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }
        let start = text.firstIndex { !isSpace($0) } ?? text.endIndex
        let end = text.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
        return UnsafeRawBufferPointer(rebasing: text[start..<end])
    }
}
