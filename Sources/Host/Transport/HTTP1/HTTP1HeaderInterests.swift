/// The few header fields of an HTTP/1.1 request that this server looks at, collected from the pieces in which they arrive.
struct HTTP1HeaderInterests {
    private enum Field {
        case none
        case expect
        case acceptEncoding
        case host
        case transferEncoding
        case forwardedCertificate
        case forwardedFor
    }

    /// In lower case; nil on connections that are no proxy's, from which it is not to be believed.
    var forwardedCertificateHeader: String?
    private(set) var expectsContinue = false
    private(set) var codings = AcceptedCodings()
    private(set) var hostCount = 0
    /// Whether the body is in another coding than `chunked`, which is the only one that the parser undoes (RFC 9112, section 6.1).
    private(set) var hasOtherTransferCoding = false

    // The name that is arriving, in lower case, as far as it is worth keeping.
    private var name: [UInt8] = []
    private var value: [UInt8] = []
    private var field = Field.none
    private var isReadingValue = false
    /// The first byte of the name was enough to know.
    private var isOfNoInterest = false
    private var hasTransferCoding = false
    private var forwardedCertificate: [UInt8]?
    private var forwardedFor: [UInt8]?

    /// The longest name that is kept. No name of interest is longer but one that an operator chose.
    private var longestName: Int { max(17, forwardedCertificateHeader?.utf8.count ?? 0) }

    /// A request begins.
    mutating func begin() {
        name.removeAll(keepingCapacity: true)
        field = .none
        isReadingValue = false
        isOfNoInterest = false
        expectsContinue = false
        codings = AcceptedCodings()
        hostCount = 0
        hasTransferCoding = false
        hasOtherTransferCoding = false
        forwardedCertificate = nil
        forwardedFor = nil
    }

    /// A piece of a field's name.
    mutating func name(_ piece: UnsafeRawBufferPointer) {
        if isReadingValue { endField() }
        // Nearly all fields begin unlike those that matter to all clients.
        if name.isEmpty, forwardedCertificateHeader == nil, let first = piece.first.map({ $0 | 0x20 }),
            first != UInt8(ascii: "e"), first != UInt8(ascii: "a"), first != UInt8(ascii: "h"), first != UInt8(ascii: "t")
        {
            isOfNoInterest = true
        }
        guard !isOfNoInterest else { return }
        // One byte more than the longest, so that a longer name equals none.
        for byte in piece.prefix(max(0, longestName + 1 - name.count)) {
            name.append(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
        }
    }

    /// A piece of the value of the field whose name came before.
    mutating func value(_ piece: UnsafeRawBufferPointer) {
        if !isReadingValue {
            isReadingValue = true
            field = isOfNoInterest ? .none : interest()
        }
        if field != .none { value.append(contentsOf: piece) }
    }

    /// The head is whole: hands over what was found.
    mutating func fill(_ head: inout RequestHead) {
        endField()
        head.forwardedCertificate = forwardedCertificate.map { String(decoding: $0, as: UTF8.self) }
        head.forwardedFor = forwardedFor.map { String(decoding: $0, as: UTF8.self) }
    }

    private func interest() -> Field {
        // Names of other lengths, which are nearly all, are told apart without a look at their bytes.
        if name.count == 4, name.elementsEqual("host".utf8) { return .host }
        if name.count == 6, name.elementsEqual("expect".utf8) { return .expect }
        if name.count == 15, name.elementsEqual("accept-encoding".utf8) { return .acceptEncoding }
        if name.count == 17, name.elementsEqual("transfer-encoding".utf8) { return .transferEncoding }
        guard let header = forwardedCertificateHeader else { return .none }
        if name.elementsEqual(header.utf8) { return .forwardedCertificate }
        return name.elementsEqual("x-forwarded-for".utf8) ? .forwardedFor : .none
    }

    private mutating func endField() {
        defer {
            name.removeAll(keepingCapacity: true)
            isReadingValue = false
            isOfNoInterest = false
            field = .none
        }
        guard field != .none else { return }
        switch field {
        case .expect:
            if String(decoding: value, as: UTF8.self).lowercased() == "100-continue" { expectsContinue = true }
        case .acceptEncoding:
            value.withUnsafeBytes { codings.add($0) }
        case .host:
            hostCount += 1
        case .transferEncoding:
            let isChunked = String(decoding: value, as: UTF8.self).lowercased() == "chunked"
            hasOtherTransferCoding = hasOtherTransferCoding || hasTransferCoding || !isChunked
            hasTransferCoding = true
        case .forwardedCertificate:
            // Of two, one is the client's own: neither is believed.
            forwardedCertificate = forwardedCertificate == nil ? value : []
        case .forwardedFor:
            // The last is the proxy's, which appends.
            forwardedFor = value
        case .none:
            break
        }
        value.removeAll(keepingCapacity: true)
    }
}
