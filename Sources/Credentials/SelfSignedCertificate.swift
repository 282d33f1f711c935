import CLibcrypto
import SecureBytes

/// A certificate that the owner of a private key made for it.
///
/// It carries a random 128-bit serial, the critical extension basicConstraints CA=false, the extended key usages, its alternative
/// names if there are any, and, when it is for clients only, the critical extension keyUsage digitalSignature.
public struct SelfSignedCertificate: Sendable {
    /// The certificate in DER.
    public let der: [UInt8]
    /// The certificate as PEM text.
    public let pem: [UInt8]
    /// Who its owner is to a server.
    public let identity: Identity

    /// Makes a certificate for `key` as `template` says.
    public init(_ template: CertificateTemplate, key: PrivateKey) throws(CredentialError) {
        identity = try key.identity()
        guard let certificate = X509_new().map({ X509Certificate(owning: $0) }) else { throw .libcrypto("X509_new") }
        let handle = certificate.handle
        // Version 3 is written as 2.
        guard X509_set_version(handle, 2) == 1, X509_set_pubkey(handle, key.handle) == 1 else {
            throw .libcrypto("X509_set_pubkey")
        }
        try Self.setSerial(of: handle)
        try Self.setName(of: handle, to: template.commonName ?? identity.description)
        try Self.setValidity(of: handle, notBefore: template.notBefore, validity: template.validity)
        try CertificateExtensions.add(to: handle, template)
        // Ed25519 hashes by itself and takes no digest.
        guard X509_sign(handle, key.handle, key.algorithm == .ed25519 ? nil : EVP_sha256()) > 0 else {
            throw .libcrypto("X509_sign")
        }
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(handle, &encoded)
        defer { keswick_free(encoded) }
        guard count > 0, let encoded else { throw .libcrypto("i2d_X509") }
        der = Array(UnsafeBufferPointer(start: encoded, count: Int(count)))
        pem = try PEMOutput.text { PEM_write_bio_X509($0, handle) }.withUnsafeBytes { Array($0) }
    }

    private static func setSerial(of certificate: OpaquePointer) throws(CredentialError) {
        var bytes = [UInt8](repeating: 0, count: 16)
        let isFilled = bytes.withUnsafeMutableBytes { buffer in (try? fillWithRandomBytes(buffer)) != nil }
        guard isFilled else { throw .randomnessUnavailable }
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else { throw .libcrypto("BN_bin2bn") }
        defer { BN_free(number) }
        guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil else {
            throw .libcrypto("BN_to_ASN1_INTEGER")
        }
    }

    /// Sets subject and issuer, which are the same.
    private static func setName(of certificate: OpaquePointer, to commonName: String) throws(CredentialError) {
        guard !commonName.isEmpty, commonName.unicodeScalars.count <= 64 else { throw .invalidSubject(commonName) }
        guard let name = X509_NAME_new() else { throw .libcrypto("X509_NAME_new") }
        defer { X509_NAME_free(name) }
        let text = Array(commonName.utf8)
        guard X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text, Int32(text.count), -1, 0) == 1,
            X509_set_subject_name(certificate, name) == 1, X509_set_issuer_name(certificate, name) == 1
        else { throw .libcrypto("X509_NAME_add_entry_by_NID") }
    }

    private static func setValidity(
        of certificate: OpaquePointer, notBefore: Int64, validity: Int64
    ) throws(CredentialError) {
        // From 1950, where UTCTime begins, to 9999, where GeneralizedTime ends (RFC 5280, section 4.1.2.5).
        let range: ClosedRange<Int64> = -631_152_000...253_402_300_799
        let (notAfter, overflow) = notBefore.addingReportingOverflow(validity)
        guard !overflow, validity > 0, range.contains(notBefore), range.contains(notAfter) else { throw .invalidValidity }
        guard ASN1_TIME_set(X509_getm_notBefore(certificate), time_t(notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), time_t(notAfter)) != nil
        else { throw .libcrypto("ASN1_TIME_set") }
    }
}
