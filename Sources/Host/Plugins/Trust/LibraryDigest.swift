import CLibcrypto
import SecureBytes

/// The SHA-256 of a file, read through the descriptor that was checked.
enum LibraryDigest {
    private static let chunkSize = 65536

    /// Returns 64 lower-case hexadecimal digits.
    static func hexadecimal(of file: TrustedFile) throws(PluginError) -> String {
        guard let context = EVP_MD_CTX_new() else { throw .notReadable(path: file.path, reason: "out of memory") }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            throw .notReadable(path: file.path, reason: "libcrypto does not offer SHA-256")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkSize, alignment: 16)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: buffer, at: offset)
            if count == 0 { break }
            guard EVP_DigestUpdate(context, buffer.baseAddress, count) == 1 else {
                throw .notReadable(path: file.path, reason: "libcrypto cannot compute its SHA-256")
            }
            offset += Int64(count)
        }
        var digest = [UInt8](repeating: 0, count: 32)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else {
            throw .notReadable(path: file.path, reason: "libcrypto cannot compute its SHA-256")
        }
        return digest.withUnsafeBytes { Hexadecimal.text(of: $0) }
    }
}
