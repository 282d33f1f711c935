import Credentials
import Glibc
import NIOSSL
import SecureBytes

/// What a client shows a server to prove who it is. Every one of them is a TLS certificate and its private key in the end.
public enum ClientCredential: Sendable {
    /// An API key, out of which the client makes a self-signed certificate.
    case apiKey(APIKey)
    /// PEM files with a certificate (and its chain, leaf first) and its private key; the password when the key is encrypted.
    case files(certificate: String, key: String, password: SecretBytes? = nil)
    /// No certificate. Servers that let clients in without one answer few calls.
    case none
}

extension ClientCredential: CustomStringConvertible {
    /// Which certificate the client shows, for messages; nothing secret.
    public var description: String {
        switch self {
        case .apiKey(let key): "the certificate of its API key (identity \(key.identity))"
        case .files(let certificate, _, _): "the certificate in \(certificate)"
        case .none: "no certificate"
        }
    }
}

extension ClientCredential {
    /// Puts the certificate and the key into `configuration`.
    func apply(to configuration: inout TLSConfiguration) throws(KESError) {
        switch self {
        case .none:
            break
        case .apiKey(let apiKey):
            try Self.apply(apiKey, to: &configuration)
        case .files(let certificateFile, let keyFile, let password):
            for path in [certificateFile, keyFile] where access(path, R_OK) != 0 {
                throw .invalidCredential("cannot read \(path): \(String(cString: strerror(errno)))")
            }
            configuration.certificateChain = try Self.chain(inFile: certificateFile)
            configuration.privateKey = .privateKey(try Self.privateKey(inFile: keyFile, password: password))
        }
    }

    private static func apply(_ apiKey: APIKey, to configuration: inout TLSConfiguration) throws(KESError) {
        do {
            let key = try PrivateKey(apiKey)
            let certificate = try SelfSignedCertificate(.client(now: Int64(time(nil))), key: key)
            // NIOSSL takes an array; the copy is wiped, and BoringSSL wipes its own.
            var pem = try key.pem().withUnsafeBytes { Array($0) }
            defer { pem.withUnsafeMutableBytes { wipe($0) } }
            configuration.certificateChain = [.certificate(try NIOSSLCertificate(bytes: certificate.der, format: .der))]
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: pem, format: .pem))
        } catch {
            throw .invalidCredential("cannot make a certificate of the API key: \(error)")
        }
    }

    private static func chain(inFile path: String) throws(KESError) -> [NIOSSLCertificateSource] {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(path)
            guard !chain.isEmpty else { throw KESError.invalidCredential("\(path) holds no PEM certificate") }
            return chain.map { .certificate($0) }
        } catch {
            throw .invalidCredential("\(path) holds no PEM certificate")
        }
    }

    private static func privateKey(inFile path: String, password: SecretBytes?) throws(KESError) -> NIOSSLPrivateKey {
        do {
            guard let password else { return try NIOSSLPrivateKey(file: path, format: .pem) { $0([]) } }
            // NIOSSL stops the process for a password with a byte above 127, such as "hörse" has.
            let key = try contents(ofFile: path).withUnsafeBytes { try PrivateKey.decryptedPEM($0, password: password) }
            // NIOSSL takes an array; the copy is wiped, and BoringSSL wipes its own.
            var pem = key.withUnsafeBytes { Array($0) }
            defer { pem.withUnsafeMutableBytes { wipe($0) } }
            return try NIOSSLPrivateKey(bytes: pem, format: .pem)
        } catch {
            let hint = password == nil ? "; if it is encrypted, it needs a password" : ", or the password is wrong"
            throw .invalidCredential("\(path) holds no PEM private key\(hint)")
        }
    }

    private struct Unreadable: Error {}

    /// What is in a file with a private key, which has far less than 1 MiB.
    private static func contents(ofFile path: String) throws(Unreadable) -> SecretBytes {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Unreadable() }
        defer { close(file) }
        var size = 0
        let buffer = try SecretBytes(count: 1 << 20) { buffer throws(Unreadable) in
            while size < buffer.count {
                let count = read(file, buffer.baseAddress?.advanced(by: size), buffer.count - size)
                if count == 0 { return }
                if count > 0 { size += count } else if errno != EINTR { throw Unreadable() }
            }
            throw Unreadable()
        }
        return buffer.withUnsafeBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<size])) }
    }
}
