import Envelope
import SecureBytes

/// Whatever decodes, encodes to an entry that decodes to the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStoredEntry(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        let entry = StoredEntry.encode(try StoredEntry.decode(UnsafeRawBufferPointer(start: bytes, count: count)))
        let again = try entry.withUnsafeBytes { entry throws(EnvelopeError) in try StoredEntry.decode(entry) }
        precondition(StoredEntry.encode(again) == entry)
    } catch {
        // Another error than these would be one that an input must not be able to cause.
        guard case EnvelopeError.malformedEntry = error else { fatalError("\(error)") }
    }
    return 0
}
