import CLibcrypto
import SecureBytes

/// Why PEM text gives no private key.
public enum PrivateKeyProblem: Error, Equatable, Sendable {
    /// The text holds no private key that libcrypto can read.
    case noPrivateKey
    /// The private key is encrypted and there is no password.
    case encrypted
    /// The private key is encrypted with another password, or is damaged.
    case wrongPassword
}

extension Identity {
    /// The identity of the owner of the first private key in PEM text: PKCS#8, encrypted or not, PKCS#1 or SEC1.
    ///
    /// It equals the identity of a certificate exactly when the certificate is for this key.
    ///
    /// - Parameter password: decrypts an encrypted key; not looked at for another.
    public init(ownerOfPrivateKeyPEM text: UnsafeRawBufferPointer, password: SecretBytes?) throws(PrivateKeyProblem) {
        let key = try privateKey(in: text, password: password)
        defer { EVP_PKEY_free(key) }
        guard let identity = try? Identity(ownerOf: key) else {
            ERR_clear_error()
            throw .noPrivateKey
        }
        self = identity
    }
}

extension PrivateKey {
    /// The first private key in PEM text, of any type that libcrypto reads, as PEM text of PKCS#8 that is not encrypted.
    ///
    /// - Parameter password: decrypts an encrypted key; not looked at for another. Any bytes.
    public static func decryptedPEM(
        _ text: UnsafeRawBufferPointer, password: SecretBytes
    ) throws(PrivateKeyProblem) -> SecretBytes {
        let key = try privateKey(in: text, password: password)
        defer { EVP_PKEY_free(key) }
        do throws(CredentialError) {
            return try PEMOutput.text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
        } catch {
            throw .noPrivateKey
        }
    }
}

/// Reads the first private key in PEM text. The caller frees it.
private func privateKey(in text: UnsafeRawBufferPointer, password: SecretBytes?) throws(PrivateKeyProblem) -> OpaquePointer {
    var reader = PasswordReader(password: password)
    guard let count = Int32(exactly: text.count), count > 0, let input = BIO_new_mem_buf(text.baseAddress, count) else {
        throw .noPrivateKey
    }
    defer { BIO_free(input) }
    // libcrypto calls back before it returns, while `reader` is there. Without the callback it would ask on the terminal.
    let key = withUnsafeMutablePointer(to: &reader) { PEM_read_bio_PrivateKey(input, nil, readPassword, $0) }
    ERR_clear_error()
    if let key { return key }
    guard reader.wasAsked else { throw .noPrivateKey }
    throw password == nil ? .encrypted : .wrongPassword
}

/// What libcrypto's password callback works on.
private struct PasswordReader {
    let password: SecretBytes?
    var wasAsked = false
}

/// Copies the password to where libcrypto wants it, and returns its count: -1 when there is none or it does not fit.
private func readPassword(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    // The context is the `PasswordReader` that was handed to libcrypto together with this function.
    guard let reader = context?.assumingMemoryBound(to: PasswordReader.self) else { return -1 }
    reader.pointee.wasAsked = true
    guard let buffer, let password = reader.pointee.password, let count = Int32(exactly: password.count), count <= size else {
        return -1
    }
    password.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: buffer, count: Int(size)).copyMemory(from: $0) }
    return count
}
