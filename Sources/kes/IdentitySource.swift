import Credentials
import Glibc

/// Where an identity comes from: an API key, or a file with a certificate.
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
        do {
            return try contents.withUnsafeBytes { pem throws(CredentialError) in try ClientCertificate(pem: pem).identity }
        } catch {
            throw CommandFailure("\(source) is neither an API key nor a file with a PEM certificate: \(error)")
        }
    }
}
