import Credentials
import SecureBytes

extension ConfigurationReader {
    /// The `tls:` section; nil when the private key or the certificate is not named.
    func tls(_ file: ConfigurationSection, _ roles: inout IdentityRoles) -> TLS? {
        let tls = file.section("tls", known: ["key", "cert", "password", "auth", "ca", "proxy"])
        let privateKey = requiredFile("key", of: tls, holding: "the server's private key")
        let certificate = requiredFile(
            "cert", of: tls, holding: "the server's certificate and those of its issuers, its own first")
        let isAuthenticating = tls.boolean("auth", advice: "on or off") ?? false
        let authorities = tls.text("ca")?.text
        let proxy = tls.section("proxy", known: ["identities", "header"])
        var proxies: [Identity] = []
        for (identity, position) in proxy.identities("identities") {
            if roles.add(identity, as: .proxy, at: position) { proxies.append(identity) }
        }
        let header = forwardedCertificateHeader(proxy)
        let password = tls.text("password").map { secret($0.text) }
        guard let privateKey, let certificate else { return nil }
        return TLS(
            privateKeyFile: privateKey, certificateFile: certificate, password: password,
            clientAuthentication: isAuthenticating ? .trustedCertificate : .anyCertificate, authorities: authorities,
            proxies: proxies, forwardedCertificateHeader: header ?? TLS.defaultForwardedCertificateHeader)
    }

    private func requiredFile(_ name: String, of tls: ConfigurationSection, holding content: String) -> String? {
        if let (path, _) = tls.text(name) { return path }
        // What is there but is no single value was said already, and an empty value is no better than none.
        if !tls.has(name) || tls.scalar(name)?.scalar.text.isEmpty == true {
            if replaced.contains("tls.\(name)") { return "" }
            diagnostics.error(at: tls.position, "'tls.\(name)' is missing; name the PEM file with \(content)")
        }
        return nil
    }

    /// Headers that the server, or HTTP itself, takes for something else than a certificate.
    private static let ownHeaders: Set = [
        "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "x-forwarded-for",
    ]

    private func forwardedCertificateHeader(_ proxy: ConfigurationSection) -> String? {
        guard let (scalar, position) = proxy.section("header", known: ["cert"]).scalar("cert"), !scalar.text.isEmpty else {
            return nil
        }
        let name = scalar.text
        // A token (RFC 9110, section 5.6.2): anything else is the name of no header, and the proxy would be ignored.
        let isToken = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
        if isToken, Self.ownHeaders.contains(name.lowercased()) {
            diagnostics.error(
                at: position,
                "'tls.proxy.header.cert' is \(scalar.shown), a header with a meaning of its own; write X-Tls-Client-Cert")
            return nil
        }
        if isToken { return name }
        diagnostics.error(
            at: position, "'tls.proxy.header.cert' is \(scalar.shown), which cannot name an HTTP header; write X-Tls-Client-Cert")
        return nil
    }

    private func secret(_ text: String) -> SecretBytes {
        var text = text
        return text.withUTF8 { SecretBytes(copying: UnsafeRawBufferPointer($0)) }
    }
}
