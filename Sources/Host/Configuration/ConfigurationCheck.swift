import Credentials
import Envelope
import Glibc
import SecureBytes

/// What the files that a configuration names have to say about it: the second half of `kes server --check`, and what a server
/// does before it starts.
package struct ConfigurationCheck: Sendable {
    /// With any of these a server cannot start.
    package private(set) var errors: [ConfigurationError] = []
    /// What the server starts with all the same, those of the file's text included.
    package private(set) var warnings: [ConfigurationError]

    let configuration: Configuration
    /// Seconds since the epoch.
    let now: Int64

    /// Looks at all files. It blocks while it reads them.
    ///
    /// - Parameter now: the time, in seconds since the epoch, by which certificates are in date or not.
    package init(_ configuration: Configuration, now: Int64) {
        self.configuration = configuration
        self.now = now
        warnings = configuration.origin.warnings
        let chain = checkCertificate()
        checkPrivateKey(chain)
        checkAuthorities()
        checkListener()
        checkPluginDirectory()
        checkPolicies()
        checkIdentities()
    }

    /// Far beyond any bundle of certificates.
    private static let maximumFileSize = 16 << 20
    /// How long before a certificate expires a server begins to warn.
    static let warningPeriod: Int64 = 7 * 86_400

    private mutating func checkCertificate() -> [CertificateDescription] {
        let path = configuration.tls.certificateFile
        guard let result = read(path, "tls.cert", { bytes in Self.chain(bytes) }) else { return [] }
        switch result {
        case .failure(let error):
            fail("tls.cert", "'\(path)' holds no certificate chain: \(error); write PEM, the server's own certificate first")
            return []
        case .success(let chain):
            guard let leaf = chain.first else {
                fail("tls.cert", "'\(path)' holds no certificate; write PEM, the server's own certificate first")
                return []
            }
            if leaf.dnsNames.isEmpty, leaf.ipAddresses.isEmpty {
                fail(
                    "tls.cert",
                    "the certificate '\(leaf.subject)' has no DNS name and no IP address among its subject alternative names, "
                        + "without which no client accepts it; make one with them ('kes identity new --dns NAME --ip ADDRESS')")
            }
            if !leaf.allowsServerAuthentication {
                warn(
                    "tls.cert",
                    "the certificate '\(leaf.subject)' is not for servers: clients may refuse it; add serverAuth to its usages")
            }
            for certificate in chain {
                checkValidity(of: certificate)
                checkStrength(of: certificate)
            }
            return chain
        }
    }

    private mutating func checkValidity(of certificate: CertificateDescription) {
        let name = "the certificate '\(certificate.subject)'"
        let days = (certificate.notAfter - now) / 86_400
        if certificate.notAfter < now {
            warn("tls.cert", "\(name) expired at \(Self.text(certificate.notAfter)); replace it")
        } else if certificate.notBefore > now {
            warn("tls.cert", "\(name) is not valid before \(Self.text(certificate.notBefore)); check the clock, or replace it")
        } else if certificate.notAfter - now < Self.warningPeriod {
            warn(
                "tls.cert",
                "\(name) expires at \(Self.text(certificate.notAfter)), in \(Plural.count(Int(days), "day")); replace it in time"
            )
        }
    }

    /// OpenSSL as Debian and Ubuntu set it up takes no RSA key below 2048 bits (SSL_CTX_set_security_level(3), level 2).
    private mutating func checkStrength(of certificate: CertificateDescription) {
        guard let bits = certificate.rsaBitCount, bits < 2048 else { return }
        warn(
            "tls.cert",
            "the certificate '\(certificate.subject)' has an RSA key of \(bits) bits, and many clients refuse less than 2048; replace "
                + "it with one for ECDSA on P-256 or RSA of 2048 bits")
    }

    private mutating func checkPrivateKey(_ chain: [CertificateDescription]) {
        let path = configuration.tls.privateKeyFile
        let password = configuration.tls.password
        guard let result = read(path, "tls.key", { Self.owner(of: $0, password: password) }) else { return }
        switch result {
        case .failure(.noPrivateKey):
            fail("tls.key", "'\(path)' holds no private key that can be read; write PEM with PKCS#8, PKCS#1 or SEC1")
        case .failure(.encrypted):
            fail("tls.key", "the private key in '\(path)' is encrypted; write its password as 'tls.password'")
        case .failure(.wrongPassword):
            fail("tls.password", "the private key in '\(path)' does not open with this password, or is damaged")
        case .success(let owner):
            if let leaf = chain.first, leaf.identity != owner {
                let advice =
                    chain.contains { $0.identity == owner }
                    ? "it belongs to another certificate of the chain: write that one first"
                    : "name the key that the certificate was made for"
                fail("tls.key", "the private key in '\(path)' does not belong to the certificate '\(leaf.subject)'; \(advice)")
            }
        }
        var information = stat()
        if stat(path, &information) == 0, information.st_mode & S_IROTH != 0 {
            warn("tls.key", "the private key in '\(path)' can be read by every user of this machine; run 'chmod o-r \(path)'")
        }
    }

    private mutating func checkAuthorities() {
        guard let path = configuration.tls.authorities else { return }
        var information = stat()
        guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            checkAuthority(path)
            return
        }
        let names = Self.files(in: path)
        if names.isEmpty {
            fail("tls.ca", "the directory '\(path)' has no files; put PEM files with certificates of authorities into it")
        }
        for name in names { checkAuthority("\(path)/\(name)") }
    }

    private mutating func checkAuthority(_ path: String) {
        switch read(path, "tls.ca", { Self.chain($0) }) {
        case nil:
            break
        case .success(let certificates) where !certificates.isEmpty:
            for certificate in certificates where certificate.notAfter < now {
                warn(
                    "tls.ca",
                    "the certificate '\(certificate.subject)' in '\(path)' expired at \(Self.text(certificate.notAfter))")
            }
        case .success:
            fail("tls.ca", "'\(path)' holds no certificate; write PEM certificates of authorities, or move the file away")
        case .failure(let error):
            fail("tls.ca", "'\(path)' cannot be used: \(error); write PEM certificates of authorities")
        }
    }

    /// What `libcrypto` reads without complaint is not always what the server can speak TLS with, whose library knows fewer types of keys.
    private mutating func checkListener() {
        // What is wrong already has been told in better words.
        guard errors.isEmpty else { return }
        var tls = configuration.tls
        // The authorities are read with `libcrypto` by the server as well: no need to do it again.
        tls.clientAuthentication = .anyCertificate
        do throws(TLSFileError) {
            _ = try TLSListenerContext(tls, allowsAnonymousClients: true)
        } catch {
            fail(error.member, error.description)
        }
    }

    private mutating func checkPluginDirectory() {
        guard let path = configuration.pluginDirectory else { return }
        var information = stat()
        if stat(path, &information) != 0 {
            fail("plugins.directory", "'\(path)' cannot be used: \(SystemError.text(errno))\(Self.whereIs(path))")
        } else if information.st_mode & S_IFMT != S_IFDIR {
            fail("plugins.directory", "'\(path)' is no directory; name the directory with the plugins' manifests")
        }
    }
}

extension ConfigurationCheck {
    /// Lends the bytes of a file to `body`; nil when it cannot be read, which is an error of the member that names it.
    private mutating func read<R>(_ path: String, _ member: String, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
        do throws(BoundedFile.Failure) {
            return try BoundedFile.read(path, limit: Self.maximumFileSize, body)
        } catch {
            fail(member, "'\(path)' \(error.message)\(error.isMissing ? Self.whereIs(path) : "")")
            return nil
        }
    }

    mutating func fail(_ member: String, _ message: String) {
        errors.append(entry(member, message))
    }

    mutating func warn(_ member: String, _ message: String) {
        warnings.append(entry(member, message))
    }

    /// Warns of an identity, where it is named.
    mutating func warn(_ identity: Identity, _ message: String) {
        let position = configuration.origin.identities[identity]
        warnings.append(
            ConfigurationError(
                file: configuration.origin.file, line: position?.line ?? 0, column: position?.column ?? 0,
                message: "the identity \(identity) \(message)"))
    }

    private func entry(_ member: String, _ message: String) -> ConfigurationError {
        let position = configuration.origin.positions[member]
        return ConfigurationError(
            file: configuration.origin.file, line: position?.line ?? 0, column: position?.column ?? 0,
            // A path may be an API key in the wrong place.
            message: "'\(member)': \(APIKey.masked(in: message))")
    }

    /// For a relative path that leads nowhere: where it was looked for, as it is not the directory of the configuration file.
    private static func whereIs(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return "" }
        defer { free(directory) }
        return " (looked for in the working directory '\(String(cString: directory))')"
    }

    /// The names of the files in a directory that are not hidden, sorted. Directories of mounted secrets hold hidden ones.
    static func files(in directory: String) -> [String] {
        let names = directoryNames(directory) ?? []
        return names.filter { name in
            var information = stat()
            return !name.hasPrefix(".") && stat("\(directory)/\(name)", &information) == 0
                && information.st_mode & S_IFMT == S_IFREG
        }.sorted()
    }

    private static func chain(_ bytes: UnsafeRawBufferPointer) -> Result<[CertificateDescription], CredentialError> {
        Result { () throws(CredentialError) in try CertificateDescription.chain(pem: bytes) }
    }

    private static func owner(of bytes: UnsafeRawBufferPointer, password: SecretBytes?) -> Result<Identity, PrivateKeyProblem> {
        Result { () throws(PrivateKeyProblem) in try Identity(ownerOfPrivateKeyPEM: bytes, password: password) }
    }

    static func text(_ seconds: Int64) -> String {
        Timestamp(seconds: seconds, nanoseconds: 0).description
    }
}
