import CLibcrypto
import SecureBytes

/// What the server needs to know of a certificate that a client presents.
public struct ClientCertificate: Sendable, Equatable {
    /// Who presents it.
    public let identity: Identity
    /// Whether its basicConstraints say that it belongs to a certificate authority: then it identifies no client.
    public let isCertificateAuthority: Bool

    /// Parses one DER-encoded certificate with nothing behind it.
    public init(der: UnsafeRawBufferPointer) throws(CredentialError) {
        try self.init(try X509Certificate(der: der))
    }

    /// Parses the first certificate of PEM text.
    public init(pem: UnsafeRawBufferPointer) throws(CredentialError) {
        guard let first = try X509Certificate.all(inPEM: pem).first else {
            throw .malformedCertificate("the PEM text holds no certificate")
        }
        try self.init(first)
    }

    /// The DER encoding of the certificate in PEM text that is one, with nothing but white space around it. What it holds is not looked at.
    public static func encoded(onlyPEM pem: UnsafeRawBufferPointer) throws(CredentialError) -> [UInt8] {
        let text = String(decoding: pem, as: UTF8.self).drop(while: \.isWhitespace)
        let end = "-----END CERTIFICATE-----"
        guard text.hasPrefix("-----BEGIN CERTIFICATE-----"),
            let behind = text.firstRange(of: end)?.upperBound, text[behind...].allSatisfy(\.isWhitespace)
        else { throw .malformedCertificate("the text is not one PEM certificate") }
        return try X509Certificate.encoded(firstInPEM: pem)
    }

    init(_ certificate: X509Certificate) throws(CredentialError) {
        identity = try certificate.identity()
        isCertificateAuthority = try certificate.isCertificateAuthority()
    }
}

extension Identity {
    /// The identity of the owner of a DER-encoded certificate.
    public init(subjectPublicKeyInfoOf certificateDER: UnsafeRawBufferPointer) throws(CredentialError) {
        self = try X509Certificate(der: certificateDER).identity()
    }

    /// What somebody takes for an identity who hashes these bytes, whatever they are.
    public init(sha256Of bytes: UnsafeRawBufferPointer) throws(CredentialError) {
        try self.init(subjectPublicKeyInfo: bytes)
    }

    /// The identity whose SubjectPublicKeyInfo is `bytes`, in DER.
    init(subjectPublicKeyInfo bytes: UnsafeRawBufferPointer) throws(CredentialError) {
        var digest = [UInt8](repeating: 0, count: Identity.byteCount)
        guard EVP_Q_digest(nil, "SHA256", nil, bytes.baseAddress, bytes.count, &digest, nil) == 1,
            let identity = Identity(digest: digest)
        else { throw .libcrypto("SHA-256 of a public key") }
        self = identity
    }
}
