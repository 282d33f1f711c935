import Envelope
import SecureBytes

// The keys of the vectors, so that the seeds decrypt. Written once, before the first input.
private let keys: [Key] = {
    let time = Timestamp(seconds: 0, nanoseconds: 0)
    let secrets = [
        "VjlxtHLDxKpsfEkJ3pfXtI8ebHZVP7n+J/e2YsJiqDY=", "fkn9UjB0JGupSvvaOaFhg6jX+IOECTgkE6lRf94v1Mk=",
    ]
    return zip(secrets, KeyAlgorithm.allCases).map { text, algorithm in
        let secret = Array(text.utf8).withUnsafeBytes { Base64.decodeSecret($0) }
        guard let secret, let key = try? Key(importing: secret, algorithm: algorithm, createdAt: time, createdBy: "") else {
            fatalError("the fuzzer's own keys are wrong")
        }
        return key
    }
}()

/// No ciphertext does anything but decrypt or fail with the one error.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCiphertext(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    for key in keys {
        do {
            _ = try key.decrypt(UnsafeRawBufferPointer(start: bytes, count: count), associatedData: none)
        } catch {
            precondition(error == .notAuthentic)
        }
    }
    return 0
}
