// Compiled as one module with the parser itself.

/// What the server keeps of an admitted request stands here for its head.
final class Exchange {
    let head: HTTP1Head
    init(_ head: HTTP1Head) { self.head = head }
}

/// What is told of one connection's bytes.
private final class Recorder: HTTP1ParserDelegate {
    enum Event: Equatable {
        case head(RequestHead, keepAlive: Bool, expectsContinue: Bool, knowsChunked: Bool, prefersGzip: Bool)
        case body([UInt8])
        case end
    }

    private(set) var events: [Event] = []
    private(set) var failed = false
    private let parser = HTTP1Parser(headLimit: 300)
    // Nil when each head is parsed.
    private var repeated: HTTP1RepeatedHead?
    private var repeatable: (exchange: Exchange, bodyLength: Int)?
    private var keepsAlive = true
    private var ends = 0
    /// The last request of the connection has ended.
    private var isLast = false

    /// - Parameters:
    ///   - piece: how many bytes arrive at once.
    ///   - remembering: whether a head that comes again is not parsed again.
    init(_ input: UnsafeRawBufferPointer, piece: Int, remembering: Bool, proxied: Bool) {
        repeated = remembering ? HTTP1RepeatedHead() : nil
        if proxied { parser.forwardedCertificateHeader = "x-cert" }
        var start = 0
        do {
            while start < input.count, !isLast {
                // Memory of its own for each piece: what is read past its end shows.
                let bytes = [UInt8](input[start..<min(start + piece, input.count)])
                start += bytes.count
                try bytes.withUnsafeBytes { try take($0) }
            }
        } catch {
            failed = true
        }
    }

    /// As the server's handler does.
    private func take(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Parser.Problem) {
        var rest = bytes
        while !rest.isEmpty, !isLast {
            let before = ends
            if parser.isBetweenRequests, let exchange = repeated?.exchange, let range = repeated?.body(in: rest) {
                headArrived(exchange.head)
                if !range.isEmpty { bodyArrived(UnsafeRawBufferPointer(rebasing: rest[range])) }
                requestEnded()
                rest = UnsafeRawBufferPointer(rebasing: rest[range.upperBound...])
                continue
            }
            let used = try parser.parse(rest, telling: self)
            precondition(used > 0 && used <= rest.count)
            precondition(ends - before <= 1 && (used == rest.count || ends == before + 1))
            if parser.tookOneRequest, let (exchange, length) = repeatable {
                repeated?.remember(UnsafeRawBufferPointer(rebasing: rest[..<used]), bodyLength: length, exchange)
            }
            repeatable = nil
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
        }
    }

    func headArrived(_ head: HTTP1Head) {
        precondition(events.last.map { $0 == .end } ?? true, "a head inside of a request")
        precondition(head.request.target.utf8.count <= 300 * 3)
        keepsAlive = head.keepAlive
        repeatable = nil
        if keepsAlive, !head.expectsContinue { repeatable = head.request.contentLength.map { (Exchange(head), $0) } }
        events.append(
            .head(
                head.request, keepAlive: head.keepAlive, expectsContinue: head.expectsContinue, knowsChunked: head.knowsChunked,
                prefersGzip: head.codings.prefersGzip))
    }

    func bodyArrived(_ piece: UnsafeRawBufferPointer) {
        precondition(!events.isEmpty && events.last != .end, "a body without a head")
        if case .body(let before)? = events.last {
            events[events.count - 1] = .body(before + piece)
        } else {
            events.append(.body(Array(piece)))
        }
    }

    func requestEnded() {
        precondition(!events.isEmpty && events.last != .end, "an end without a request")
        events.append(.end)
        ends += 1
        isLast = !keepsAlive
    }
}

/// However a connection's bytes come in pieces, and whether a head that comes again is parsed again, the same is told of them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHTTP1(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let bytes, count > 1 else { return 0 }
    let input = UnsafeRawBufferPointer(start: bytes + 1, count: count - 1)
    let proxied = bytes[0] & 1 == 1
    let whole = Recorder(input, piece: input.count, remembering: false, proxied: proxied)
    let remembering = bytes[0] & 2 == 2
    // Large pieces too, which hold several requests.
    let piece = remembering ? input.count / (Int(bytes[0] >> 5) + 1) + 1 : Int(bytes[0] >> 2) + 1
    let pieces = Recorder(input, piece: piece, remembering: remembering, proxied: proxied)
    precondition(whole.failed == pieces.failed)
    precondition(whole.events == pieces.events)
    return 0
}
