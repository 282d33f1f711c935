import CLibcrypto

/// Lends memory on the stack to `body`, 16-byte aligned and not initialized, and wipes it when `body` returns or throws.
///
/// For secrets that live within one function. What lives longer is a `SecretBytes`.
package func withWipedBytes<R>(count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    try withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { bytes in
        defer { OPENSSL_cleanse(bytes.baseAddress, bytes.count) }
        return try body(bytes)
    }
}
