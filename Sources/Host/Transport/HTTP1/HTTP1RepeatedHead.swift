import Glibc

/// The head of the last request on an HTTP/1.1 connection, byte for byte, and what was decided about it.
///
/// Clients send the same head again for each request for a key, as HTTP/2 knows when it sends a number for a field that came before. What
/// llhttp found in a head, it would find in the same bytes again: it keeps nothing from one request to the next. So they are compared,
/// which takes 10 ns instead of the microsecond that parsing, routing and authorizing take.
struct HTTP1RepeatedHead {
    private var bytes: [UInt8] = []
    private var bodyLength = 0
    /// Nothing is remembered without one.
    var exchange: Exchange?

    /// Memory that a connection may take for this. Heads of clients of this server have 100 to 300 bytes.
    private static let longest = 1024

    /// Remembers a request whose body is `bodyLength` bytes long by its `Content-Length`.
    ///
    /// - Parameter request: All of it, and nothing else.
    mutating func remember(_ request: UnsafeRawBufferPointer, bodyLength: Int, _ exchange: Exchange) {
        self.exchange = nil
        guard bodyLength <= request.count, request.count - bodyLength <= Self.longest else { return }
        // Copied, since `request` goes; without the body, which may be secret.
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: request[..<(request.count - bodyLength)]))
        self.bodyLength = bodyLength
        self.exchange = exchange
    }

    /// The body of a request that `input` begins with, if its head is the remembered one and it is there whole.
    func body(in input: UnsafeRawBufferPointer) -> Range<Int>? {
        let headLength = bytes.count
        guard exchange != nil, input.count >= headLength + bodyLength, let start = input.baseAddress else { return nil }
        let isSame = bytes.withUnsafeBytes { bytes in
            // Both have `headLength` bytes.
            bytes.baseAddress.map { memcmp($0, start, headLength) == 0 } ?? false
        }
        guard isSame else { return nil }
        return headLength..<(headLength + bodyLength)
    }
}
