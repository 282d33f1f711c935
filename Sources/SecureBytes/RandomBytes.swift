import CLibcrypto

/// libcrypto's random generator gave no bytes: it could not be seeded, or a self-test of the FIPS provider failed.
///
/// Nothing that needs randomness may go on after this. The operator should check that `getrandom(2)` works and that the
/// OpenSSL configuration names a provider with a random generator.
public struct RandomnessError: Error, Equatable, CustomStringConvertible {
    public init() {}

    public var description: String {
        "the random generator of libcrypto gave no bytes: check the OpenSSL configuration and the system's entropy source"
    }
}

/// Fills `buffer` from libcrypto's generator for private values (NIST SP 800-90A).
///
/// - Throws: `RandomnessError`; `buffer` must not be used then.
public func fillWithRandomBytes(_ buffer: UnsafeMutableRawBufferPointer) throws(RandomnessError) {
    if buffer.count <= RandomReserve.largestRequest, let reserve = RandomReserve.ofThisThread() {
        try reserve.take(into: buffer)
    } else {
        try fillFromGenerator(buffer)
    }
}

/// Asks the generator itself, at a cost of about 0.7 µs for each call however few the bytes are.
func fillFromGenerator(_ buffer: UnsafeMutableRawBufferPointer) throws(RandomnessError) {
    guard var next = buffer.baseAddress else { return }
    var remaining = buffer.count
    while remaining > 0 {
        // The generator counts in `int`, and NIST allows 64 KiB in one request.
        let count = min(remaining, 1 << 16)
        guard RAND_priv_bytes(next.assumingMemoryBound(to: UInt8.self), Int32(count)) == 1 else { throw RandomnessError() }
        next += count
        remaining -= count
    }
}

extension SecretBytes {
    /// Makes `count` random bytes.
    public static func random(count: Int) throws(RandomnessError) -> SecretBytes {
        try SecretBytes(count: count, initializingWith: fillWithRandomBytes)
    }
}
