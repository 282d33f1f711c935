import CLibcrypto

/// An X.509 certificate (RFC 5280) parsed by libcrypto.
final class X509Certificate {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        X509_free(handle)
    }

    /// Parses one certificate with nothing behind it.
    convenience init(der: UnsafeRawBufferPointer) throws(CredentialError) {
        var next = der.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard der.count > 0, let certificate = d2i_X509(nil, &next, der.count) else {
            ERR_clear_error()
            throw .malformedCertificate("not DER of an X.509 certificate")
        }
        self.init(owning: certificate)
        // `d2i_X509` moves the pointer behind what it read.
        guard let next, UnsafeRawPointer(next) == der.baseAddress.map({ $0 + der.count }) else {
            throw .malformedCertificate("more bytes follow the certificate")
        }
    }

    /// Parses every certificate of PEM text (RFC 7468); other blocks, such as private keys, are passed over.
    static func all(inPEM text: UnsafeRawBufferPointer) throws(CredentialError) -> [X509Certificate] {
        guard let count = Int32(exactly: text.count), count > 0 else { return [] }
        guard let input = BIO_new_mem_buf(text.baseAddress, count) else { throw .libcrypto("reading of PEM") }
        defer { BIO_free(input) }
        var certificates: [X509Certificate] = []
        // Without this callback libcrypto would ask for the password of an encrypted block on the terminal.
        while let certificate = PEM_read_bio_X509(input, nil, { _, _, _, _ in -1 }, nil) {
            certificates.append(X509Certificate(owning: certificate))
        }
        // The end of the text shows as the error that no further block begins; anything else is a broken block.
        let isAtEnd = keswick_last_error_is_no_pem_start() == 1
        ERR_clear_error()
        guard isAtEnd else { throw .malformedCertificate("a PEM block is broken or is no X.509 certificate") }
        return certificates
    }

    /// What the first block of PEM text encodes, whatever it is, without headers.
    static func encoded(firstInPEM text: UnsafeRawBufferPointer) throws(CredentialError) -> [UInt8] {
        guard let count = Int32(exactly: text.count), count > 0, let input = BIO_new_mem_buf(text.baseAddress, count) else {
            throw .libcrypto("reading of PEM")
        }
        defer { BIO_free(input) }
        var (name, header): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?) = (nil, nil)
        var data: UnsafeMutablePointer<UInt8>?
        var length = 0
        defer {
            keswick_free(name)
            keswick_free(header)
            keswick_free(data)
        }
        guard PEM_read_bio(input, &name, &header, &data, &length) == 1, let data, header?.pointee == 0 else {
            ERR_clear_error()
            throw .malformedCertificate("the PEM text is broken")
        }
        return Array(UnsafeBufferPointer(start: data, count: length))
    }

    func identity() throws(CredentialError) -> Identity {
        var encoded: UnsafeMutablePointer<UInt8>?
        // `X509_get_X509_PUBKEY` lends what the certificate holds.
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(handle), &encoded)
        defer { keswick_free(encoded) }
        guard count > 0, let encoded else { throw .libcrypto("encoding of a certificate's public key") }
        return try Identity(subjectPublicKeyInfo: UnsafeRawBufferPointer(start: encoded, count: Int(count)))
    }

    /// The SHA-256 of the certificate in DER.
    func fingerprint() throws(CredentialError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Identity.byteCount)
        guard X509_digest(handle, EVP_sha256(), &digest, nil) == 1 else { throw .libcrypto("a certificate's fingerprint") }
        return digest
    }

    func isCertificateAuthority() throws(CredentialError) -> Bool {
        var finding: Int32 = 0
        guard let extension_ = X509_get_ext_d2i(handle, NID_basic_constraints, &finding, nil) else {
            ERR_clear_error()
            // -1 is absence; everything else is an extension that is there twice or does not parse.
            guard finding == -1 else { throw .malformedCertificate("its basicConstraints cannot be read") }
            return false
        }
        let constraints = extension_.assumingMemoryBound(to: BASIC_CONSTRAINTS.self)
        defer { BASIC_CONSTRAINTS_free(constraints) }
        return constraints.pointee.ca != 0
    }
}
