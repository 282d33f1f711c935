import Glibc

/// Overwrites secret bytes that are about to be given back or used for something else.
///
/// The one way in which Keswick wipes: `explicit_bzero`, which no compiler leaves out, and which takes a quarter of the time of
/// libcrypto's `OPENSSL_cleanse` (docs/decisions.md).
@usableFromInline
package func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    guard let address = bytes.baseAddress else { return }
    explicit_bzero(address, bytes.count)
}

/// Lends memory on the stack to `body`, 16-byte aligned and not initialized, and wipes it when `body` returns or throws.
///
/// For secrets that live within one function. What lives longer is a `SecretBytes`.
@inlinable
package func withWipedBytes<R>(count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
    // Inlinable: as a generic function of another module it would look up the metadata of its results at each call.
    try withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { bytes in
        defer { wipe(bytes) }
        return try body(bytes)
    }
}
