import Credentials
import SecureBytes

/// Whatever parses, prints as text that parses to the same key.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAPIKey(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        let key = try APIKey(parsing: UnsafeRawBufferPointer(start: bytes, count: count))
        let again = try key.text.withUnsafeBytes { text throws(CredentialError) in try APIKey(parsing: text) }
        precondition(again == key && again.identity == key.identity)
    } catch {
        precondition(error == .malformedAPIKey)
    }
    return 0
}
