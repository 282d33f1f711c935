import CLibcrypto

/// Adds the X.509 version 3 extensions of a template (RFC 5280, section 4.2.1).
enum CertificateExtensions {
    static func add(to certificate: OpaquePointer, _ template: CertificateTemplate) throws(CredentialError) {
        switch template.usage {
        case .client:
            try add(to: certificate, NID_key_usage, "critical,digitalSignature")
            try add(to: certificate, NID_ext_key_usage, "clientAuth")
        case .clientAndServer:
            // No keyUsage: with one that lacks keyCertSign, BoringSSL and OpenSSL 1.1 do not take the certificate for self-signed,
            // look in vain for its issuer, and cannot be made to trust it by giving them this very certificate.
            try add(to: certificate, NID_ext_key_usage, "clientAuth,serverAuth")
        }
        try add(to: certificate, NID_basic_constraints, "critical,CA:FALSE")
        guard !template.dnsNames.isEmpty || !template.ipAddresses.isEmpty else { return }
        try addAlternativeNames(to: certificate, template)
    }

    /// Adds an extension in libcrypto's own notation, for fixed text only: what a user gives would have to be escaped.
    private static func add(
        to certificate: OpaquePointer, _ identifier: Int32, _ value: StaticString
    ) throws(CredentialError) {
        guard let made = X509V3_EXT_conf_nid(nil, nil, identifier, value.description) else {
            throw .libcrypto("X509V3_EXT_conf_nid")
        }
        defer { X509_EXTENSION_free(made) }
        guard X509_add_ext(certificate, made, -1) == 1 else { throw .libcrypto("X509_add_ext") }
    }

    private static func addAlternativeNames(
        to certificate: OpaquePointer, _ template: CertificateTemplate
    ) throws(CredentialError) {
        guard let names = GENERAL_NAMES_new() else { throw .libcrypto("GENERAL_NAMES_new") }
        defer { GENERAL_NAMES_free(names) }
        for name in template.dnsNames {
            guard isDNSName(name) else { throw .invalidAlternativeName(name) }
            try append(Array(name.utf8), type: GEN_DNS, stringType: V_ASN1_IA5STRING, to: names)
        }
        for address in template.ipAddresses {
            guard let bytes = IPAddress.bytes(address) else { throw .invalidAlternativeName(address) }
            try append(bytes, type: GEN_IPADD, stringType: V_ASN1_OCTET_STRING, to: names)
        }
        // 0: not critical, because the subject is not empty.
        guard X509_add1_ext_i2d(certificate, NID_subject_alt_name, UnsafeMutableRawPointer(names), 0, 0) == 1 else {
            throw .libcrypto("X509_add1_ext_i2d")
        }
    }

    private static func append(
        _ bytes: [UInt8], type: Int32, stringType: Int32, to names: OpaquePointer
    ) throws(CredentialError) {
        guard let name = GENERAL_NAME_new() else { throw .libcrypto("GENERAL_NAME_new") }
        guard let string = ASN1_STRING_type_new(stringType), ASN1_STRING_set(string, bytes, Int32(bytes.count)) == 1 else {
            GENERAL_NAME_free(name)
            throw .libcrypto("ASN1_STRING_set")
        }
        // From here on the name owns the string, and, once it is pushed, the stack owns the name.
        GENERAL_NAME_set0_value(name, type, string)
        guard OPENSSL_sk_push(names, name) > 0 else {
            GENERAL_NAME_free(name)
            throw .libcrypto("OPENSSL_sk_push")
        }
    }

    /// Labels of letters, digits and inner hyphens (RFC 1123, section 2.1), underscores as they are in use, and a star for the first.
    static func isDNSName(_ text: String) -> Bool {
        func isPlain(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        var labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels[0].elementsEqual("*".utf8) { labels.removeFirst() }
        return text.utf8.count <= 253
            && labels.allSatisfy { label in
                guard let first = label.first, let last = label.last, label.count <= 63 else { return false }
                return isPlain(first) && isPlain(last) && label.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") }
            }
    }
}
