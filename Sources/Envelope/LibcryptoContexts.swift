import CLibcrypto
import Glibc

/// One cipher context and one digest context of libcrypto for each thread, because making them costs more than using them.
///
/// They hold no secret between two uses: each use resets what it worked on before it returns. They are freed when their
/// thread ends.
final class LibcryptoContexts {
    let cipher: OpaquePointer
    let digest: OpaquePointer

    private init(cipher: OpaquePointer, digest: OpaquePointer) {
        self.cipher = cipher
        self.digest = digest
    }

    deinit {
        EVP_CIPHER_CTX_free(cipher)
        EVP_MD_CTX_free(digest)
    }

    /// The contexts of the calling thread. They must not leave it, and nothing that is called while one is in use may use it.
    static func ofThisThread() throws(EnvelopeError) -> LibcryptoContexts {
        guard let key = threadKey else { throw .cryptographyFailed("pthread_key_create") }
        if let known = pthread_getspecific(key) {
            return Unmanaged<LibcryptoContexts>.fromOpaque(known).takeUnretainedValue()
        }
        guard let cipher = EVP_CIPHER_CTX_new() else { throw .cryptographyFailed("EVP_CIPHER_CTX_new") }
        guard let digest = EVP_MD_CTX_new() else {
            EVP_CIPHER_CTX_free(cipher)
            throw .cryptographyFailed("EVP_MD_CTX_new")
        }
        let contexts = LibcryptoContexts(cipher: cipher, digest: digest)
        let retained = Unmanaged.passRetained(contexts)
        guard pthread_setspecific(key, retained.toOpaque()) == 0 else {
            retained.release()
            throw .cryptographyFailed("pthread_setspecific")
        }
        return contexts
    }

    /// The slot of the contexts in each thread, with their release at the thread's end.
    private static let threadKey: pthread_key_t? = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { contexts in
            guard let contexts else { return }
            Unmanaged<LibcryptoContexts>.fromOpaque(contexts).release()
        }
        return result == 0 ? key : nil
    }()
}

/// The algorithms as libcrypto's configured providers implement them, looked up once: a look-up takes a lock and a search.
enum LibcryptoAlgorithms {
    // `nonisolated(unsafe)` holds for all three: they are written once, by the thread-safe initialisation of a static, are
    // never freed, and libcrypto only reads what they point to.
    nonisolated(unsafe) static let sha256 = EVP_MD_fetch(nil, "SHA256", nil)
    nonisolated(unsafe) private static let aes256GCM = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
    nonisolated(unsafe) private static let chaCha20Poly1305 = EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil)

    /// The AEAD under which `algorithm` encrypts a message, or nil when no provider has it.
    static func cipher(of algorithm: KeyAlgorithm) -> OpaquePointer? {
        switch algorithm {
        case .aes256: aes256GCM
        case .chaCha20: chaCha20Poly1305
        }
    }
}
