import Credentials
import SecureBytes
import Testing

@Suite("Private keys in PEM")
struct PrivateKeyPEMTests {
    private func owner(_ text: String, password: String? = nil) throws -> Identity {
        var text = text
        return try text.withUTF8 { bytes in
            try Identity(ownerOfPrivateKeyPEM: UnsafeRawBufferPointer(bytes), password: password.map(secret))
        }
    }

    private func secret(_ text: String) -> SecretBytes {
        SecretBytes(count: text.utf8.count) { $0.copyBytes(from: text.utf8) }
    }

    private func text(_ pem: SecretBytes) -> String { pem.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

    @Test("The owner of a PKCS#8 key is the owner of its certificate", arguments: PrivateKey.Algorithm.allCases)
    func pkcs8(algorithm: PrivateKey.Algorithm) throws {
        let key = try PrivateKey(generating: algorithm)
        let certificate = try SelfSignedCertificate(.client(now: 0), key: key)
        #expect(try owner(text(key.pem())) == certificate.identity)
        #expect(try owner(text(key.pem()), password: "not needed") == certificate.identity)
    }

    @Test("An encrypted key opens with its password only, and never asks for one")
    func encrypted() throws {
        let key = try PrivateKey(generating: .ed25519)
        let pem = try text(key.pem(password: secret("correct horse")))
        #expect(try owner(pem, password: "correct horse") == key.identity())
        #expect(throws: PrivateKeyProblem.wrongPassword) { try owner(pem, password: "correct house") }
        #expect(throws: PrivateKeyProblem.wrongPassword) { try owner(pem, password: String(repeating: "x", count: 100_000)) }
        #expect(throws: PrivateKeyProblem.encrypted) { try owner(pem) }
    }

    // The identities are the SHA-256 of what `openssl pkey -pubout -outform DER` writes.
    @Test("SEC1 and PKCS#1 are read, behind parameters and with the encryption of their time as well")
    func oldForms() throws {
        #expect(try owner(Self.sec1).description == "9635b2b11a8a6461336e13707cb9d969199fd9ef7fca2ad517039672821cf541")
        #expect(try owner(Self.pkcs1).description == "01f8209da508bb0032ddcd410e389635068fd93b28dc865f97915a87c1ccb899")
        #expect(
            try owner(Self.encryptedPKCS1, password: "secret").description
                == "01f8209da508bb0032ddcd410e389635068fd93b28dc865f97915a87c1ccb899")
        #expect(throws: PrivateKeyProblem.encrypted) { try owner(Self.encryptedPKCS1) }
    }

    @Test("What holds no private key is refused")
    func noKey() throws {
        let certificate = try SelfSignedCertificate(.client(now: 0), key: PrivateKey(generating: .ed25519))
        let truncated = String(Self.sec1.dropLast(60))
        for text in ["", "key", String(decoding: certificate.pem, as: UTF8.self), truncated] {
            #expect(throws: PrivateKeyProblem.noPrivateKey) { try owner(text) }
        }
    }

    // Made for this test; they open nothing.
    private static let sec1 = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIGlCaFbyHcvnCFSJkdw3YTVfqDnEJjGNXdKhCO3rBspGoAoGCCqGSM49
        AwEHoUQDQgAEFOvMvCsJfRx5TLCM+SRos9ARfzZXCNIJnGdeubo3bRSNHYBTqLyb
        u7cufAqEnmUEOZw42kRM6eWzvncWotleMA==
        -----END EC PRIVATE KEY-----
        """
    private static let pkcs1 = """
        -----BEGIN RSA PRIVATE KEY-----
        MIICXQIBAAKBgQDgYIUfcpTFRueGnVbaYAqjfaCkQ/PA8r03ZADue9nmPoEA+1KT
        loA7B/7tB74hAgXCYnbk1d5X0xilv2Y+Zk0HoW6/w2Kj1ISn2nhNvEt3CsuUASc6
        za/PpCZbf90iYRns2h/CuC4gP/Qe5PznSTrJF0P5Y6Cs/bMhGoZ4BtxTQQIDAQAB
        AoGAepoC45YWWF1P8SxT4usLpR3mAxvmOw3n+jY4lBc0jyykDMdG7cIUuyy5TQco
        Cp0yTG7FDHEYFuEP3LFiysHXYEfKdtr7PuosndoEIbb1WyJQLiENzaJo6k1iEzYf
        HXUh1KqDDFsyhOPVBNK8LGtWoqFie2AMXzoIFDElRn0K5gECQQD7hfB6xwnCsUJh
        o4WK0uxADZucvKHavYHq6Ubj4M1ym+5TgJlkm6VNuCK2sdV+3OuJjDl/3lWH1sgu
        jSo4Pg8xAkEA5F7jv2DA2V4ZFtlql8Nce/AqkXuxS+NxdzWOQKn+kmQ+3OyxCc3f
        SOv8IBpSCJF+nei6XfLuK1xICrBnFUghEQJAPE0AOm89h8+3enEZsw6eVTzt8cXH
        iAmm/AqxVDCxEKkRmjNakyQ9nURoDiTUanXMgk17+4vyNX7ov0BYvuMiAQJBANHJ
        iZZJH1+PXaTr3UvFH7SLD8/NvTVlntpPzHoCr+VzSXxRwuCqyq+GeXpUM3/DiHkv
        TeT4QWp7v4JyQn/+XsECQQCVVKCq0UHJhugnXtOFOtZgp2U/r9yWaSOfmev8VFHx
        Z2IVeeTSfKZ2uXXFTOR3ZdJYlDX/oOTgjaTSo+PbK7iz
        -----END RSA PRIVATE KEY-----
        """
    private static let encryptedPKCS1 = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,9C3AABF0A73D6A513801C4FB799DCEED

        CDYVc/BvK/WCt2KgYdb7rLYN2lL0vVEBU30xN1UGafS17rin4J4iI+e3ouDT+Ifp
        5dQ0GcQfA6F6ZHYKyUQHcZVtuAUb7NpF408MPulcE9qi1N+D5zM509djBx2pfW64
        k48fZdkXqzi/nJzzXolaLUAGnl1aCYK3A9nGKXYQe6LkSpZWMH8eWQ2nN627dTEq
        Bsm903IErrKNHyPDv9pV+Biio95iWcBQ89vO6kISTNHEUgXmlEecb2cRKlmtdvlr
        JMrmG3nb8KnMHiGaXWuC61Hbln8i84pjmgK4GOSF84YTe01VLbkGjMuUSEOCCgrA
        uCvYGR22NTOZwwRkmSFURdwkjVNSe0pOFBUgV+4GgP0eLO1JyR6e6INn3aaXQvSH
        IcPmBc3X2Gixn0fPIQtEB+Rnr7HWV3AI3aUeNgCZsbZ6D4DKGtqRPiXf3niMzSpy
        EFlxG8R1S7ETVOXN+eGFbY+qclPlBBI37mNmhVbyJ28Q2N/Htt1SIwJJWmIbxLAA
        /BdlP778vrD31ZCg7zS8P7bfKoEjx4l6uXCdgP8vRpUhpxa0xUXpCVAOCuLNghBw
        SEBis2WLhW7kNx6XnTK6RwPBcZF47guDlLwyvOIKEZR3EaGIOyFJ+uNJT6Xv/L2I
        IjTdHKvuiFNRYWpzIs3l2v2NyYAnXbpcvcDhZvkzW5DxWca8em6wWUKl2bJ5iEMd
        r7000xxe2MDkxkuSIf1IURsx7G96OPsdaT5WyoJBOm01u5D3wKXbyWrkZMUAa4IN
        XhG3PH88Zb25z+e7S2pJeQAiPEE7HKkjQ9Es6s/OquENTpNFgbtnM1FuX7FfL0xU
        -----END RSA PRIVATE KEY-----
        """
}
