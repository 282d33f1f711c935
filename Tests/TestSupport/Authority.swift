import Testing

/// A certificate authority of a test's own, which `openssl` runs.
package final class Authority: Sendable {
    package let directory: TemporaryDirectory

    /// Path of the authority's certificate.
    package var certificate: String { directory.file("authority.crt") }

    package init(_ name: String = "Keswick test authority") throws {
        directory = try TemporaryDirectory("kes-authority")
        try Self.openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            directory.file("authority.key"),
            "-out", directory.file("authority.crt"), "-subj", "/CN=\(name)", "-days", "2", "-addext",
            "basicConstraints=critical,CA:TRUE",
        ])
    }

    /// Issues a certificate for an IP address, and returns `-cert FILE -key FILE`.
    package func issue(_ name: String, for address: String) throws -> [String] {
        let (key, request, certificate) = (
            directory.file("\(name).key"), directory.file("\(name).csr"), directory.file("\(name).crt")
        )
        let extensions = try directory.write(
            "subjectAltName=IP:\(address)\nextendedKeyUsage=serverAuth,clientAuth\n", to: "\(name).ext")
        try Self.openssl([
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj",
            "/CN=\(name)",
        ])
        try Self.openssl([
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", directory.file("authority.key"), "-CAcreateserial",
            "-out", certificate, "-days", "1", "-extfile", extensions,
        ])
        return ["-cert", certificate, "-key", key]
    }

    private static func openssl(_ arguments: [String]) throws {
        let result = try run("openssl", arguments)
        try #require(result.code == 0, "\(result.errorText)")
    }
}
