import Envelope
import Testing

@Suite struct KeyAlgorithmTests {
    @Test func everySpellingOfAnImportIsTaken() {
        #expect(["AES256", "AES256-GCM_SHA256"].allSatisfy { KeyAlgorithm(spelling: $0) == .aes256 })
        #expect(["ChaCha20", "XCHACHA20-POLY1305"].allSatisfy { KeyAlgorithm(spelling: $0) == .chaCha20 })
        #expect(["", "aes256", "AES-256", "AES256 ", "CHACHA20"].allSatisfy { KeyAlgorithm(spelling: $0) == nil })
        #expect(KeyAlgorithm.allCases.allSatisfy { KeyAlgorithm(spelling: $0.name) == $0 })
    }

    /// As OPENSSL_info prints them for: this kind of x86-64, the same with AES or PCLMULQDQ masked, and two kinds of ARM.
    @Test(arguments: [
        ("OPENSSL_ia32cap=0x7ffaf3ffffebffff:0x18c05fdef3bfa7eb", true),
        ("OPENSSL_ia32cap=0x7dfaf3ffffebffff:0x18c05fdef3bfa7eb", false),
        ("OPENSSL_ia32cap=0x7ffaf3fdffebffff:0x0", false), ("OPENSSL_ia32cap=0x7ffaf3ffffebffff:0x0 env:~0x0", true),
        ("OPENSSL_armcap=0xbd", true), ("OPENSSL_armcap=0x1", false), ("OPENSSL_armcap=0x4", false),
        ("OPENSSL_s390xcap=0xffffffffffffffff", false),
        ("", false), ("N/A", false), ("OPENSSL_armcap=", false), ("OPENSSL_armcap=0x", false),
    ])
    func aesInstructionsAreFoundInWhatOpenSSLSays(settings: String, expected: Bool) {
        #expect(KeyAlgorithm.hasAESInstructions(settings: settings) == expected)
    }
}
