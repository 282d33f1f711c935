/// Says in the operator's words why a TLS handshake failed, as far as the cause is known and somebody can do something about it.
enum HandshakeDiagnosis {
    /// - Parameters:
    ///   - error: What the TLS library said.
    ///   - server: The subject of the server's certificate.
    /// - Returns: nil for what is nobody's mistake, such as a connection that was given up.
    static func explain(_ error: any Error, server: String) -> String? {
        // The library's errors have no other form than the names of BoringSSL's reasons (ssl.errordata).
        let text = "\(error)"
        return causes.first { text.contains($0.reason) }?.explain(server)
    }

    private static let causes: [(reason: String, explain: @Sendable (String) -> String)] = [
        ("ALERT_UNKNOWN_CA", untrusted),
        ("ALERT_CERTIFICATE_UNKNOWN", untrusted),
        ("ALERT_BAD_CERTIFICATE", untrusted),
        (
            "ALERT_CERTIFICATE_EXPIRED",
            { "the client refused this server's certificate '\($0)': it has expired; replace the file that tls.cert names" }
        ),
        // OpenSSL's clients give up TLS 1.3 with an alert that is not encrypted, which BoringSSL cannot read.
        ("BAD_PACKET_LENGTH", { "the client gave up, most likely because of this: \(untrusted(server: $0))" }),
        (
            "PEER_DID_NOT_RETURN_A_CERTIFICATE",
            { _ in
                "the client sent no certificate; give it one (an API key or a certificate with its key), or let single APIs do without "
                    + "with 'skip_auth: true'"
            }
        ),
        (
            // BoringSSL checks it whatever tls.auth says.
            "KEY_USAGE_BIT_INCORRECT",
            { _ in
                "the client's certificate has a key usage without digitalSignature, which TLS needs; issue one with it, or without the "
                    + "extension"
            }
        ),
        ("HTTP_REQUEST", { _ in "the client spoke HTTP without TLS; its address of this server must begin with https://" }),
        ("UNSUPPORTED_PROTOCOL", { _ in "the client offered no version of TLS from 1.2 on" }),
        ("NO_SHARED_CIPHER", { _ in "the client offered no cipher suite that this server has" }),
    ]

    private static func untrusted(server: String) -> String {
        "the client does not trust this server's certificate '\(server)': add that certificate, or its authority's, to those that the client "
            + "trusts (SSL_CERT_FILE for kes, the CAs directory for MinIO), and check that it is for the name by which the client calls"
    }
}
