import Envelope
import Foundation
import SecureBytes
import Testing

/// The primitives against the vectors of their specifications.
@Suite struct PrimitiveTests {
    /// draft-irtf-cfrg-xchacha-03, section 2.2.1.
    @Test func hChaCha20() {
        let key = Data(0..<32)
        let input = Data(hexadecimal: "000000090000004a0000000031415927")
        var subkey = Data(count: 32)
        subkey.withUnsafeMutableBytes { subkey in
            key.withUnsafeBytes { key in
                input.withUnsafeBytes { input in
                    if let key = key.baseAddress, let input = input.baseAddress, let subkey = subkey.baseAddress {
                        HChaCha20.deriveKey(key: key, input: input, into: subkey)
                    }
                }
            }
        }
        #expect(subkey == Data(hexadecimal: "82413b4227b27bfed30e42508a877d73 a0f9e4d58a74a853c12ec41326d3ecdc"))
    }

    /// RFC 4231, sections 4.2 to 4.5. The others have keys of more than a block, which no key of Keswick is.
    @Test(arguments: [
        (
            Data(repeating: 0x0b, count: 20), Data("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Data("Jefe".utf8), Data("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            Data(repeating: 0xaa, count: 20), Data(repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (Data(1...25), Data(repeating: 0xcd, count: 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    ])
    func hmacSHA256(key: Data, message: Data, expected: String) throws {
        var result = Data(count: 32)
        try result.withUnsafeMutableBytes { result in
            try message.withUnsafeBytes { try HMACSHA256(key: SecretBytes(key)).authenticate($0, into: result) }
        }
        #expect(result == Data(hexadecimal: expected))
    }

    /// RFC 8439, section 2.8.2.
    @Test func chaCha20Poly1305() throws {
        try check(
            .chaCha20,
            key: Data(0x80...0x9f), nonce: Data(hexadecimal: "070000004041424344454647"),
            associatedData: Data(hexadecimal: "50515253c0c1c2c3c4c5c6c7"),
            plaintext: Data(
                ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                    + "sunscreen would be it.").utf8),
            sealed: Data(
                hexadecimal: """
                    d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
                    3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
                    92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
                    3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691
                    """))
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
    @Test func aes256GCM() throws {
        try check(
            .aes256,
            key: Data(hexadecimal: "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308"),
            nonce: Data(hexadecimal: "cafebabefacedbaddecaf888"),
            associatedData: Data(hexadecimal: "feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            plaintext: Data(
                hexadecimal: """
                    d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
                    1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39
                    """),
            sealed: Data(
                hexadecimal: """
                    522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
                    8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662
                    76fc6ece0f4e1768cddf8853bb2d551b
                    """))
    }

    private func check(
        _ algorithm: KeyAlgorithm, key: Data, nonce: Data, associatedData: Data, plaintext: Data, sealed: Data
    ) throws {
        var output = Data(count: plaintext.count + AEAD.tagByteCount)
        try output.withUnsafeMutableBytes { output in
            try key.withUnsafeBytes { key in
                try nonce.withUnsafeBytes { nonce in
                    try plaintext.withUnsafeBytes { plaintext in
                        try associatedData.withUnsafeBytes { associatedData in
                            try AEAD.seal(
                                plaintext, associatedData: associatedData, algorithm: algorithm,
                                key: #require(key.baseAddress), nonce: #require(nonce.baseAddress), into: output)
                        }
                    }
                }
            }
        }
        #expect(output == sealed)
        #expect(try open(sealed, algorithm, key: key, nonce: nonce, associatedData: associatedData) == plaintext)
    }
}

/// Decrypts with `AEAD` alone.
func open(_ sealed: Data, _ algorithm: KeyAlgorithm, key: Data, nonce: Data, associatedData: Data) throws -> Data {
    try sealed.withUnsafeBytes { sealed in
        try key.withUnsafeBytes { key in
            try nonce.withUnsafeBytes { nonce in
                try associatedData.withUnsafeBytes { associatedData in
                    try AEAD.open(
                        sealed, associatedData: associatedData, algorithm: algorithm, key: #require(key.baseAddress),
                        nonce: #require(nonce.baseAddress)
                    ).data
                }
            }
        }
    }
}
