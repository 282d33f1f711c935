import Credentials

/// No certificate, in DER or PEM, does anything but parse or fail; the two ways to read one agree.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCertificate(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    if let description = try? CertificateDescription(der: input) {
        let certificate = try? ClientCertificate(der: input)
        precondition(certificate?.identity == description.identity)
        precondition(certificate?.isCertificateAuthority == description.isCertificateAuthority)
    }
    if let chain = try? CertificateDescription.chain(pem: input) {
        precondition((try? ClientCertificate(pem: input))?.identity == chain.first?.identity)
    }
    return 0
}
