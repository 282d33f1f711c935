import CLibcrypto

/// How a key encrypts. The raw value is the `type` of a stored entry.
public enum KeyAlgorithm: UInt32, Sendable, Hashable, CaseIterable {
    /// AES-256-GCM under a key that HMAC-SHA256 derives for each message.
    case aes256 = 1
    /// ChaCha20-Poly1305 under a key that HChaCha20 derives for each message.
    case chaCha20 = 2

    /// The name on the wire.
    public var name: String {
        switch self {
        case .aes256: "AES256"
        case .chaCha20: "ChaCha20"
        }
    }

    /// Takes every spelling that a key import and a stored entry may use, in exactly this case.
    public init?(spelling: some StringProtocol) {
        switch spelling {
        case "AES256", "AES256-GCM_SHA256": self = .aes256
        case "ChaCha20", "XCHACHA20-POLY1305": self = .chaCha20
        default: return nil
        }
    }

    /// The algorithm of new keys: AES256 where the processor computes it or where OpenSSL's FIPS provider is in force, else
    /// ChaCha20, which is the faster of the two and free of timing leaks in plain code.
    public static let preferred: KeyAlgorithm =
        EVP_default_properties_is_fips_enabled(nil) == 1 || processorHasAES ? .aes256 : .chaCha20

    /// Whether libcrypto uses the processor's instructions for AES and for GCM's multiplication.
    private static var processorHasAES: Bool {
        // What OpenSSL found at start, or was told by the environment, as "OPENSSL_ia32cap=0x…:0x…" (OPENSSL_ia32cap(3)) or
        // "OPENSSL_armcap=0x…" (arm_arch.h).
        guard let settings = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS) else { return false }
        return hasAESInstructions(settings: String(cString: settings))
    }

    /// Reads the processor settings as `OPENSSL_info` prints them.
    package static func hasAESInstructions(settings: String) -> Bool {
        let parts = settings.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, parts[1].hasPrefix("0x"),
            let capabilities = UInt64(parts[1].dropFirst(2).prefix(while: \.isHexDigit), radix: 16)
        else { return false }
        let needed: UInt64
        switch parts[0] {
        // CPUID leaf 1: ECX is the upper half, with PCLMULQDQ in bit 1 and AES in bit 25.
        case "OPENSSL_ia32cap": needed = 1 << 33 | 1 << 57
        // ARMV8_AES and ARMV8_PMULL.
        case "OPENSSL_armcap": needed = 1 << 2 | 1 << 5
        default: return false
        }
        return capabilities & needed == needed
    }
}
