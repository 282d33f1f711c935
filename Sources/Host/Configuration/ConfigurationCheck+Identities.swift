import Credentials

/// The identities and policies of a configuration, held against the certificates that lie around it.
extension ConfigurationCheck {
    /// How many files of a directory are looked at, and how long one may be: those of a deployment, not of a system.
    private static let maximumFileCount = 256
    private static let maximumCertificateSize = 64 << 10

    mutating func checkPolicies() {
        for policy in configuration.policies where policy.identities.isEmpty {
            warn("policy.\(policy.name)", "no identity has this policy; add those of its clients as 'identities'")
        }
    }

    /// An identity is the digest of a public key. The digest of a certificate or of its file looks the same, and is nobody's.
    mutating func checkIdentities() {
        let known = Set(configuration.origin.identities.keys)
        guard !known.isEmpty else { return }
        for found in nearbyCertificates() {
            let (certificate, owner) = (found.certificate, found.certificate.identity)
            for (digest, what) in [
                (found.fileDigest, "file '\(found.path)'"), (certificate.fingerprint, "certificate in '\(found.path)'"),
            ] {
                guard let identity = Identity(digest: digest), known.contains(identity), identity != owner else { continue }
                warn(
                    identity,
                    "is the SHA-256 of the \(what), and not of the public key in it: no client has it; write \(owner), "
                        + "which 'kes identity of \(found.path)' prints")
            }
            guard known.contains(owner) else { continue }
            if certificate.isCertificateAuthority {
                warn(
                    owner,
                    "has a certificate in '\(found.path)' that is an authority's (CA:TRUE): the server takes no client for its owner; make "
                        + "another with basicConstraints=critical,CA:FALSE")
            }
            if certificate.notAfter < now {
                warn(
                    owner, "has a certificate in '\(found.path)' that expired at \(Self.text(certificate.notAfter)); make another"
                )
            } else if certificate.notAfter - now < Self.warningPeriod {
                let days = (certificate.notAfter - now) / 86_400
                warn(
                    owner,
                    "has a certificate in '\(found.path)' that expires at \(Self.text(certificate.notAfter)), in \(Plural.count(Int(days), "day")); "
                        + "make another in time")
            }
        }
    }

    private struct Found {
        var path: String
        var certificate: CertificateDescription
        var fileDigest: [UInt8]
    }

    /// The certificates beside the configuration file and beside the server's own. What cannot be read or is none is passed over: nobody
    /// has said that these files are there for the server.
    private func nearbyCertificates() -> [Found] {
        let files = [configuration.origin.file, configuration.tls.certificateFile]
        var found: [Found] = []
        for directory in Set(files.filter { !$0.isEmpty }.map(\.parentDirectory)).sorted() {
            for name in Self.files(in: directory).prefix(Self.maximumFileCount) {
                guard [".crt", ".pem", ".cert", ".cer"].contains(where: name.hasSuffix) else { continue }
                let path = "\(directory)/\(name)"
                let read = try? BoundedFile.read(path, limit: Self.maximumCertificateSize) { bytes -> Found? in
                    guard let certificate = try? CertificateDescription(pem: bytes),
                        let digest = try? Identity(sha256Of: bytes)
                    else { return nil }
                    return Found(path: path, certificate: certificate, fileDigest: digest.bytes)
                }
                if let read { found.append(read) }
            }
        }
        return found
    }
}
