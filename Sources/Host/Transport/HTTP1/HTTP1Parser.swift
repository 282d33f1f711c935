import CNIOLLHTTP
import NIOCore

/// The head of an HTTP/1.1 request, and what it says about the connection.
package struct HTTP1Head {
    package var request: RequestHead
    /// Whether another request may follow on the connection (RFC 9112, section 9.3).
    package var keepAlive: Bool
    /// Whether the client waits for leave to send the body (RFC 9110, section 10.1.1).
    package var expectsContinue: Bool
    /// Whether the client knows the chunked coding, which came with HTTP/1.1.
    package var knowsChunked: Bool
    package var codings: AcceptedCodings
    /// Whether there is a `Host`, and one only, which HTTP/1.1 demands (RFC 9112, section 3.2).
    package var hasProperHost: Bool
    /// Whether the body is in another coding than `chunked`, and so not to be understood.
    package var hasOtherTransferCoding: Bool
}

/// What the parser finds in a connection's bytes, in their order.
package protocol HTTP1ParserDelegate: AnyObject {
    /// A request's head is there, whole and within the limits.
    func headArrived(_ head: HTTP1Head)
    /// A piece of a body. The bytes are the parser's input and good during the call only.
    func bodyArrived(_ piece: UnsafeRawBufferPointer)
    /// A request is whole.
    func requestEnded()
}

/// Parses HTTP/1.1 requests (RFC 9112) with llhttp, the parser of Node.js, in the strict mode that it is in by default.
///
/// Driven directly and not through NIOHTTP1's decoder, which is built on the same copy of llhttp: a request then makes one string, its
/// target, instead of an array of headers and a message for each part (docs/decisions.md has the figures).
package final class HTTP1Parser {
    /// Why bytes are no request that can be answered.
    package enum Problem: Error, Equatable {
        /// Not HTTP/1.1, or a method that llhttp does not know: it calls both the same.
        case malformed
        case unsupportedVersion
        case headTooLarge
    }

    // llhttp keeps its state behind a pointer that must not move. Allocated in `init` and freed in `deinit`.
    private let state: UnsafeMutablePointer<llhttp_t>
    private let headLimit: Int
    // Set while `parse` runs, whose caller holds the delegate.
    private unowned(unsafe) var delegate: (any HTTP1ParserDelegate)?
    private var interests: HTTP1HeaderInterests
    private var target: [UInt8] = []
    private var headBytes = 0
    /// Why a callback has ended the parsing.
    private var refusal: Problem?
    /// When the first byte of a head arrived that is not whole yet.
    package private(set) var headBegan: NIODeadline?
    /// Whether the next byte is one of a head.
    private var expectsHead = true
    /// Whether the first byte of a request was seen, and not the last.
    private var hasBegun = false
    /// Whether what `parse` took last was a request from its first byte to its last.
    private(set) var tookOneRequest = false

    /// - Parameter headLimit: Bytes of a request line and all its header fields together.
    package init(headLimit: Int) {
        self.headLimit = headLimit
        interests = HTTP1HeaderInterests()
        state = .allocate(capacity: 1)
        c_nio_llhttp_init(state, HTTP_REQUEST, Self.callbacks)
        // Unretained: the callbacks run only while `parse` does.
        state.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        state.deallocate()
    }

    /// The name, in lower case, of the header in which a proxy forwards its client's certificate, if the connection is one of a proxy.
    package var forwardedCertificateHeader: String? {
        get { interests.forwardedCertificateHeader }
        set { interests.forwardedCertificateHeader = newValue }
    }

    /// Whether the next byte is the first one of a request.
    var isBetweenRequests: Bool { !hasBegun }

    /// Takes bytes from the client, to the end of a request at most, and tells the delegate what they complete.
    ///
    /// - Returns: how many were used: all, or those up to the end of the request that they complete.
    package func parse(_ bytes: UnsafeRawBufferPointer, telling delegate: any HTTP1ParserDelegate) throws(Problem) -> Int {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count > 0 else { return 0 }
        self.delegate = delegate
        defer { self.delegate = nil }
        let isFirst = isBetweenRequests
        tookOneRequest = false
        let result = c_nio_llhttp_execute(state, start, bytes.count)
        switch result {
        case HPE_OK:
            if hasBegun, expectsHead, headBegan == nil { headBegan = .now() }
            return bytes.count
        case HPE_PAUSED_UPGRADE:
            // What follows a request for an upgrade, or a CONNECT, would be another protocol, which is not offered.
            return bytes.count
        case HPE_PAUSED:
            c_nio_llhttp_resume(state)
            tookOneRequest = isFirst
            // Where it stopped, in `bytes`.
            return c_nio_llhttp_get_error_pos(state).map { $0 - start } ?? bytes.count
        case HPE_INVALID_VERSION:
            // llhttp calls a request line so too that goes on wrongly behind a version that is known.
            let isKnown = state.pointee.http_major == 1 && state.pointee.http_minor <= 1
            throw isKnown ? .malformed : .unsupportedVersion
        default:
            throw refusal ?? .malformed
        }
    }
}

// MARK: - What llhttp calls

extension HTTP1Parser {
    // nonisolated(unsafe): written once, by the thread-safe initialisation of a static, and only read from then on.
    private nonisolated(unsafe) static let callbacks: UnsafeMutablePointer<llhttp_settings_t> = {
        let callbacks = UnsafeMutablePointer<llhttp_settings_t>.allocate(capacity: 1)
        c_nio_llhttp_settings_init(callbacks)
        callbacks.pointee.on_message_begin = { state in HTTP1Parser.with(state) { $0.begin() } }
        callbacks.pointee.on_url = { state, bytes, count in
            HTTP1Parser.with(state) {
                $0.take(UnsafeRawBufferPointer(start: bytes, count: count)) { $0.target.append(contentsOf: $1) }
            }
        }
        callbacks.pointee.on_header_field = { state, bytes, count in
            HTTP1Parser.with(state) {
                $0.take(UnsafeRawBufferPointer(start: bytes, count: count)) { $0.interests.name($1) }
            }
        }
        callbacks.pointee.on_header_value = { state, bytes, count in
            HTTP1Parser.with(state) {
                $0.take(UnsafeRawBufferPointer(start: bytes, count: count)) { $0.interests.value($1) }
            }
        }
        callbacks.pointee.on_headers_complete = { state in HTTP1Parser.with(state) { $0.headEnded() } }
        callbacks.pointee.on_body = { state, bytes, count in
            HTTP1Parser.with(state) {
                $0.delegate?.bodyArrived(UnsafeRawBufferPointer(start: bytes, count: count))
                return 0
            }
        }
        callbacks.pointee.on_message_complete = { state in HTTP1Parser.with(state) { $0.end() } }
        return callbacks
    }()

    /// Lends the parser to `body`. llhttp calls on the thread that called it and hands over the state, which holds what `init` put there.
    private static func with(_ state: UnsafeMutablePointer<llhttp_t>?, _ body: (HTTP1Parser) -> Int32) -> Int32 {
        guard let data = state?.pointee.data else { return Int32(HPE_INTERNAL.rawValue) }
        return Unmanaged<HTTP1Parser>.fromOpaque(data)._withUnsafeGuaranteedRef { body($0) }
    }

    /// Any but zero ends the parsing with an error.
    private static let refuse: Int32 = -1

    private func begin() -> Int32 {
        target.removeAll(keepingCapacity: true)
        interests.begin()
        headBytes = 0
        hasBegun = true
        return 0
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer, _ keep: (HTTP1Parser, UnsafeRawBufferPointer) -> Void
    ) -> Int32 {
        headBytes += bytes.count
        guard headBytes <= headLimit else {
            refusal = .headTooLarge
            return Self.refuse
        }
        // Fields behind a body (RFC 9112, section 7.1.2) are of no head, neither of this request's nor of the next one's.
        if expectsHead { keep(self, bytes) }
        return 0
    }

    private func headEnded() -> Int32 {
        guard expectsHead else { return 0 }
        guard state.pointee.http_major == 1 else {
            // llhttp knows 0.9 and 2.0 too.
            refusal = .unsupportedVersion
            return Self.refuse
        }
        expectsHead = false
        headBegan = nil
        var head = RequestHead(method: Self.name(of: state.pointee.method), target: String(decoding: target, as: UTF8.self))
        if UInt32(state.pointee.flags) & UInt32(F_CONTENT_LENGTH.rawValue) != 0 {
            head.contentLength = Int(clamping: state.pointee.content_length)
        }
        interests.fill(&head)
        // An upgrade is not offered; what follows it would be another protocol. And where a body of HTTP/1.0 ends that is said to be chunked,
        // which only HTTP/1.1 knows, the next hop may see differently (RFC 9112, section 6.1).
        let isFaulty = state.pointee.http_minor == 0 && UInt32(state.pointee.flags) & UInt32(F_TRANSFER_ENCODING.rawValue) != 0
        let keepAlive = c_nio_llhttp_should_keep_alive(state) == 1 && state.pointee.upgrade == 0 && !isFaulty
        delegate?.headArrived(
            HTTP1Head(
                request: head, keepAlive: keepAlive,
                // A client of HTTP/1.0 would take the interim answer for the answer (RFC 9110, section 10.1.1).
                expectsContinue: interests.expectsContinue && state.pointee.http_minor > 0,
                knowsChunked: state.pointee.http_minor > 0, codings: interests.codings,
                hasProperHost: interests.hostCount == 1 || (state.pointee.http_minor == 0 && interests.hostCount == 0),
                hasOtherTransferCoding: interests.hasOtherTransferCoding))
        return 0
    }

    private func end() -> Int32 {
        // https://github.com/nodejs/llhttp/issues/202: what is left of it would count for the next request.
        state.pointee.content_length = 0
        expectsHead = true
        hasBegun = false
        delegate?.requestEnded()
        return Int32(HPE_PAUSED.rawValue)
    }

    /// Literals, which cost no allocation, for the methods that this server knows.
    private static func name(of method: UInt8) -> String {
        switch llhttp_method_t(UInt32(method)) {
        case HTTP_PUT: "PUT"
        case HTTP_POST: "POST"
        case HTTP_GET: "GET"
        case HTTP_HEAD: "HEAD"
        case HTTP_DELETE: "DELETE"
        case let other: c_nio_llhttp_method_name(other).map { String(cString: $0) } ?? ""
        }
    }
}
