import CLibcrypto
import Credentials
import Glibc
import NIOConcurrencyHelpers
import NIOCore

/// The authorities that client certificates are checked against with `tls.auth: on`: the system's and those of the configuration.
final class TrustStore: @unchecked Sendable {
    // `@unchecked Sendable` holds because the store is filled in `init` only; X509_STORE is reference-counted and locks itself
    // (X509_STORE_CTX_init(3)), so that contexts on several threads may use it at once.
    private let store: OpaquePointer
    private let authorities: String?
    /// The certificates between a leaf and its authority, by leaf, for clients that resume a session and do not send them again.
    private let intermediates: NIOLockedValueBox<RecentMemory<[UInt8], [[UInt8]]>>
    /// Until when forwarded certificates count as good that were found to be.
    private let forwarded = NIOLockedValueBox(RecentMemory<[UInt8], NIODeadline>(capacity: 4096))

    /// How long what was found of a forwarded certificate holds: a check takes some 100 µs, and a proxy forwards one with each request.
    private static let forwardedLifetime = TimeAmount.seconds(1)

    /// - Parameters:
    ///   - authorities: A PEM file, or a directory of them; nil for the system's alone.
    ///   - earlier: The store that this one takes the place of: what lies between its clients and their authorities is known to this one too.
    init(authorities: String?, after earlier: TrustStore?) throws(TLSFileError) {
        intermediates = earlier?.intermediates ?? NIOLockedValueBox(RecentMemory(capacity: 4096))
        guard let store = X509_STORE_new() else { throw TLSFileError(description: "out of memory for the certificate store") }
        self.store = store
        self.authorities = authorities
        X509_STORE_set_default_paths(store)
        guard let authorities else { return }
        var status = stat()
        guard stat(authorities, &status) == 0 else {
            throw TLSFileError(description: "cannot read tls.ca \(authorities): \(SystemError.text(errno))")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            try addDirectory(authorities)
        } else {
            try addFile(authorities)
        }
    }

    deinit {
        X509_STORE_free(store)
    }

    /// Says why a chain is not accepted, and what would help.
    ///
    /// - Returns: nil when it is.
    func refusal(of chain: [[UInt8]]) -> String? {
        guard let problem = problem(with: chain) else { return nil }
        let leaf = chain.first.flatMap { der in try? der.withUnsafeBytes { try CertificateDescription(der: $0) } }
        let last = chain.last.flatMap { der in try? der.withUnsafeBytes { try CertificateDescription(der: $0) } }
        guard let leaf, let last else { return problem.text }
        let name = "'\(leaf.shownSubject)' with the identity \(leaf.identity)"
        switch problem.code {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
            return "\(name): \(problem.text); give the client one that is in date"
        case X509_V_ERR_INVALID_PURPOSE:
            return
                "\(name): \(problem.text); give the client one with the key usage digitalSignature and the extended key usage clientAuth"
        default:
            let known = authorities.map { "the system's authorities and those of tls.ca (\($0))" } ?? "the system's authorities"
            return
                "\(name): \(problem.text); it is not trusted by \(known): add the certificate of its issuer '\(last.shownIssuer)' to tls.ca, "
                + "or accept any certificate with 'tls.auth: off'"
        }
    }

    private struct Problem {
        /// X509_V_ERR_….
        var code: Int32
        var text: String

        init(_ text: String, code: Int32 = X509_V_ERR_UNSPECIFIED) {
            self.code = code
            self.text = text
        }
    }

    /// Checks a chain, leaf first, as RFC 5280, section 6, demands of a TLS client: signatures up to an authority, dates, and the
    /// clientAuth extended key usage.
    ///
    /// - Returns: nil when the chain is good, else what is wrong with it.
    private func problem(with chain: [[UInt8]]) -> Problem? {
        guard let leaf = chain.first.flatMap(Self.certificate) else { return Problem("the certificate cannot be parsed") }
        defer { X509_free(leaf) }
        guard let others = OPENSSL_sk_new_null() else { return Problem("out of memory") }
        defer { OPENSSL_sk_pop_free(others) { X509_free(OpaquePointer($0)) } }
        for bytes in chain.dropFirst() {
            guard let certificate = Self.certificate(bytes) else { return Problem("a certificate of the chain cannot be parsed") }
            OPENSSL_sk_push(others, UnsafeRawPointer(certificate))
        }
        guard let context = X509_STORE_CTX_new() else { return Problem("out of memory") }
        defer { X509_STORE_CTX_free(context) }
        guard X509_STORE_CTX_init(context, store, leaf, others) == 1,
            X509_STORE_CTX_set_default(context, "ssl_client") == 1
        else { return Problem("the certificate store cannot be used") }
        if X509_verify_cert(context) == 1 {
            // OpenSSL takes a certificate without the extension for any usage. This server demands it.
            guard X509_get_extended_key_usage(leaf) & UInt32(XKU_SSL_CLIENT) != 0,
                X509_get_extension_flags(leaf) & UInt32(EXFLAG_XKUSAGE) != 0
            else { return Problem("it lacks the clientAuth extended key usage", code: X509_V_ERR_INVALID_PURPOSE) }
            remember(chain)
            return nil
        }
        let code = X509_STORE_CTX_get_error(context)
        return Problem(String(cString: X509_verify_cert_error_string(Int(code))), code: code)
    }

    /// Checks the leaf of a client that has shown its chain before: when it began the session that it resumes, or the connection that it has.
    func refusal(ofKnown leaf: [UInt8]) -> String? {
        refusal(of: [leaf] + (intermediates.withLockedValue { $0.value(for: leaf) } ?? []))
    }

    /// Checks a certificate that a proxy forwards. What lies between it and its authority has to be among the authorities.
    func refusal(ofForwarded leaf: [UInt8]) -> String? {
        let now = NIODeadline.now()
        if let end = forwarded.withLockedValue({ $0.value(for: leaf) }), now < end { return nil }
        if let refusal = refusal(of: [leaf]) { return refusal }
        forwarded.withLockedValue { $0.remember(now + Self.forwardedLifetime, for: leaf) }
        return nil
    }

    private func remember(_ chain: [[UInt8]]) {
        guard chain.count > 1 else { return }
        intermediates.withLockedValue { $0.remember(Array(chain.dropFirst()), for: chain[0]) }
    }

    private func addDirectory(_ path: String) throws(TLSFileError) {
        guard let names = directoryNames(path) else {
            throw TLSFileError(description: "cannot read tls.ca \(path): \(SystemError.text(errno))")
        }
        for name in names {
            var status = stat()
            guard !name.hasPrefix("."), stat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                continue
            }
            try addFile("\(path)/\(name)")
        }
    }

    private func addFile(_ path: String) throws(TLSFileError) {
        guard X509_STORE_load_file(store, path) == 1 else {
            throw TLSFileError(description: "cannot read tls.ca \(path): it holds no PEM certificate")
        }
    }

    private static func certificate(_ bytes: [UInt8]) -> OpaquePointer? {
        bytes.withUnsafeBufferPointer { buffer in
            var pointer = buffer.baseAddress
            return d2i_X509(nil, &pointer, buffer.count)
        }
    }
}
