import CLibcrypto
import Glibc

/// What a certificate says, for people to read and for checks before a server starts.
public struct CertificateDescription: Sendable, Equatable {
    /// Who its owner is to a server.
    public let identity: Identity
    /// The SHA-256 of the whole certificate in DER, which is often taken for its owner's identity and never is.
    public let fingerprint: [UInt8]
    /// Whether its basicConstraints say that it belongs to a certificate authority.
    public let isCertificateAuthority: Bool
    /// The subject's distinguished name as in RFC 2253, such as `CN=localhost`.
    public let subject: String
    /// The issuer's distinguished name, likewise.
    public let issuer: String
    public let dnsNames: [String]
    public let ipAddresses: [String]
    /// The first and the last second in which it is valid, since the epoch.
    public let notBefore: Int64
    public let notAfter: Int64
    /// The bits of its RSA key; nil when its key is of another kind.
    public let rsaBitCount: Int?
    /// Whether its extended key usages allow it for clients and for servers; a certificate without any is for both.
    public let allowsClientAuthentication: Bool
    public let allowsServerAuthentication: Bool

    /// Reads the first certificate, the leaf, of PEM text.
    public init(pem: UnsafeRawBufferPointer) throws(CredentialError) {
        guard let first = try Self.chain(pem: pem).first else {
            throw .malformedCertificate("the PEM text holds no certificate")
        }
        self = first
    }

    /// Reads all certificates of PEM text in their order.
    public static func chain(pem: UnsafeRawBufferPointer) throws(CredentialError) -> [CertificateDescription] {
        var chain: [CertificateDescription] = []
        for certificate in try X509Certificate.all(inPEM: pem) { chain.append(try CertificateDescription(certificate)) }
        return chain
    }

    /// Reads one DER-encoded certificate.
    public init(der: UnsafeRawBufferPointer) throws(CredentialError) {
        try self.init(try X509Certificate(der: der))
    }

    private init(_ certificate: X509Certificate) throws(CredentialError) {
        let handle = certificate.handle
        identity = try certificate.identity()
        fingerprint = try certificate.fingerprint()
        isCertificateAuthority = try certificate.isCertificateAuthority()
        subject = try Self.text(of: X509_get_subject_name(handle))
        issuer = try Self.text(of: X509_get_issuer_name(handle))
        notBefore = try Self.seconds(of: X509_get0_notBefore(handle))
        notAfter = try Self.seconds(of: X509_get0_notAfter(handle))
        (dnsNames, ipAddresses) = try Self.alternativeNames(of: handle)
        rsaBitCount = X509_get0_pubkey(handle).flatMap { key in
            EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? Int(EVP_PKEY_get_bits(key)) : nil
        }
        // All bits are set where the extension is absent, and none where it is broken.
        let usage = X509_get_extended_key_usage(handle)
        allowsClientAuthentication = usage & UInt32(XKU_SSL_CLIENT | XKU_ANYEKU) != 0
        allowsServerAuthentication = usage & UInt32(XKU_SSL_SERVER | XKU_ANYEKU) != 0
    }

    private static func text(of name: OpaquePointer?) throws(CredentialError) -> String {
        let bytes = try PEMOutput.text { keswick_print_name($0, name) }
        return bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private static func seconds(of time: UnsafePointer<ASN1_TIME>?) throws(CredentialError) -> Int64 {
        var fields = tm()
        guard let time, ASN1_TIME_to_tm(time, &fields) == 1 else {
            ERR_clear_error()
            throw .malformedCertificate("its validity cannot be read")
        }
        return Int64(timegm(&fields))
    }

    private static func alternativeNames(of certificate: OpaquePointer) throws(CredentialError) -> ([String], [String]) {
        var finding: Int32 = 0
        guard let names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &finding, nil).map({ OpaquePointer($0) }) else {
            ERR_clear_error()
            // -1 is absence; everything else is an extension that is there twice or does not parse.
            guard finding == -1 else { throw .malformedCertificate("its subject alternative names cannot be read") }
            return ([], [])
        }
        defer { GENERAL_NAMES_free(names) }
        var (dnsNames, addresses): ([String], [String]) = ([], [])
        for index in 0..<OPENSSL_sk_num(names) {
            guard let element = OPENSSL_sk_value(names, index) else { continue }
            var type: Int32 = 0
            guard let value = GENERAL_NAME_get0_value(element.assumingMemoryBound(to: GENERAL_NAME.self), &type),
                type == GEN_DNS || type == GEN_IPADD
            else { continue }
            // Both of these types are ASN.1 strings.
            let string = value.assumingMemoryBound(to: ASN1_STRING.self)
            let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
            if type == GEN_DNS {
                dnsNames.append(String(decoding: bytes, as: UTF8.self))
            } else if let address = addressText(bytes) {
                addresses.append(address)
            } else {
                throw .malformedCertificate("an IP address in it has \(bytes.count) bytes")
            }
        }
        return (dnsNames, addresses)
    }

    private static func addressText(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes.baseAddress, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
