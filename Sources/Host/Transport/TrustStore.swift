import CLibcrypto
import Glibc
import NIOConcurrencyHelpers

/// The authorities that client certificates are checked against with `tls.auth: on`: the system's and those of the configuration.
final class TrustStore: @unchecked Sendable {
    // `@unchecked Sendable` holds because the store is filled in `init` only; X509_STORE is reference-counted and locks itself
    // (X509_STORE_CTX_init(3)), so that contexts on several threads may use it at once.
    private let store: OpaquePointer
    /// The certificates between a leaf and its authority, by leaf, for clients that resume a session and do not send them again.
    private let intermediates = NIOLockedValueBox<[[UInt8]: [[UInt8]]]>([:])

    /// How many chains are remembered.
    private static let rememberedChains = 4096

    /// - Parameter authorities: A PEM file, or a directory of them; nil for the system's alone.
    init(authorities: String?) throws(TLSFileError) {
        guard let store = X509_STORE_new() else { throw TLSFileError(description: "out of memory for the certificate store") }
        self.store = store
        X509_STORE_set_default_paths(store)
        guard let authorities else { return }
        var status = stat()
        guard stat(authorities, &status) == 0 else {
            throw TLSFileError(description: "cannot read tls.ca \(authorities): \(String(cString: strerror(errno)))")
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

    /// Checks a chain, leaf first, as RFC 5280, section 6, demands of a TLS client: signatures up to an authority, dates, and the
    /// clientAuth extended key usage.
    ///
    /// - Returns: nil when the chain is good, else what is wrong with it.
    func problem(with chain: [[UInt8]]) -> String? {
        guard let leaf = chain.first.flatMap(Self.certificate) else { return "the certificate cannot be parsed" }
        defer { X509_free(leaf) }
        guard let others = OPENSSL_sk_new_null() else { return "out of memory" }
        defer { OPENSSL_sk_pop_free(others) { X509_free(OpaquePointer($0)) } }
        for bytes in chain.dropFirst() {
            guard let certificate = Self.certificate(bytes) else { return "a certificate of the chain cannot be parsed" }
            OPENSSL_sk_push(others, UnsafeRawPointer(certificate))
        }
        guard let context = X509_STORE_CTX_new() else { return "out of memory" }
        defer { X509_STORE_CTX_free(context) }
        guard X509_STORE_CTX_init(context, store, leaf, others) == 1,
            X509_STORE_CTX_set_default(context, "ssl_client") == 1
        else { return "the certificate store cannot be used" }
        if X509_verify_cert(context) == 1 {
            // OpenSSL takes a certificate without the extension for any usage. This server demands it.
            guard X509_get_extended_key_usage(leaf) & UInt32(XKU_SSL_CLIENT) != 0,
                X509_get_extension_flags(leaf) & UInt32(EXFLAG_XKUSAGE) != 0
            else { return "the certificate lacks the clientAuth extended key usage" }
            remember(chain)
            return nil
        }
        return String(cString: X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context))))
    }

    /// Checks the leaf of a resumed session. Sessions are resumed with the context that began them, and this store is that context's.
    func problem(withResumed leaf: [UInt8]) -> String? {
        problem(with: [leaf] + (intermediates.withLockedValue { $0[leaf] } ?? []))
    }

    private func remember(_ chain: [[UInt8]]) {
        guard chain.count > 1 else { return }
        intermediates.withLockedValue { known in
            if known.count == Self.rememberedChains { known.removeAll() }
            known[chain[0]] = Array(chain.dropFirst())
        }
    }

    private func addDirectory(_ path: String) throws(TLSFileError) {
        guard let directory = opendir(path) else {
            throw TLSFileError(description: "cannot read tls.ca \(path): \(String(cString: strerror(errno)))")
        }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
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
