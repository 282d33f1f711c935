import CNghttp2
import NIOCore

/// What an HTTP/2 session tells its connection.
protocol HTTP2SessionDelegate: AnyObject {
    /// A request's head is there, or was cut off at the limit.
    func headArrived(_ stream: HTTP2Stream)
    /// A request's body is longer than its route allows.
    func bodyTooLarge(_ stream: HTTP2Stream)
    /// A request is there, whole.
    func requestArrived(_ stream: HTTP2Stream)
    /// A stream is over. When it was not answered, the client has given it up.
    func streamClosed(_ stream: HTTP2Stream)
    /// The name, in lower case, of the header with a certificate that may be believed on this connection.
    var forwardedCertificateHeader: String? { get }
}

/// A server's side of an HTTP/2 connection: libnghttp2 with types. Belongs to one event loop.
///
/// The library holds the protocol's state. Bytes go in through `receive`, which calls the delegate for what they complete, and what
/// there is to send comes out of `writePending`. Nothing here knows of sockets.
final class HTTP2Session {
    /// The session broke the protocol beyond repair, or memory ran out.
    struct Failure: Error {
        var code: Int32
    }

    unowned let delegate: any HTTP2SessionDelegate
    // Set in `init` and freed in `deinit`; nothing else changes it.
    private(set) var session: OpaquePointer?
    /// In no order. A stream knows its place here, and libnghttp2 keeps its address: nothing is looked up by number.
    private(set) var streams: [HTTP2Stream] = []
    let limits: TransportLimits
    /// As the delegate said it when the head began that is being read. Heads do not mix (RFC 9113, section 4.3).
    private var forwardedCertificateHeader: String?
    private var believesForwarded = false
    /// The memory of a body that was used, for the next one: with one request after another, which is usual, it serves them all.
    var spareBody = BodyBuffer()
    /// Bytes of bodies that have arrived of requests that are not answered yet.
    var bodyBytes = 0
    /// Whether some streams were given no credit for what they have sent.
    var holdsCredit = false
    /// Bytes of answers that the client does not take yet. The logs that are followed have a limit of their own.
    private(set) var unsentBytes = 0
    /// Where `writePending` writes to, while it runs.
    private var outgoing = ByteBuffer()
    private let pieces: PieceMemory

    /// When the first bytes of a header section arrived that is not whole yet.
    private(set) var headBegan: NIODeadline?
    /// The stream of that section.
    private var headStream: Int32?

    init(delegate: any HTTP2SessionDelegate, limits: TransportLimits, pieces: PieceMemory) throws(Failure) {
        self.delegate = delegate
        self.pieces = pieces
        self.limits = limits
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0 else { throw Failure(code: Int32(NGHTTP2_ERR_NOMEM.rawValue)) }
        defer { nghttp2_option_del(option) }
        // Closed streams are kept for priorities, which this server has no use for.
        nghttp2_option_set_no_closed_streams(option, 1)
        // A client whose request was answered before it was whole gets no further credit to send: see `dataReceived`.
        nghttp2_option_set_no_auto_window_update(option, 1)
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { throw Failure(code: Int32(NGHTTP2_ERR_NOMEM.rawValue)) }
        defer { nghttp2_session_callbacks_del(callbacks) }
        Self.install(callbacks)
        // Unretained: this object owns the session, and the library calls back only while one of its functions runs.
        let code = nghttp2_session_server_new2(&session, callbacks, Unmanaged.passUnretained(self).toOpaque(), option)
        guard code == 0 else { throw Failure(code: code) }
        try submitSettings()
    }

    deinit {
        nghttp2_session_del(session)
        for stream in streams { stream.wipe() }
    }

    /// Whether the protocol is over: nothing to read and nothing to write.
    var isFinished: Bool {
        nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Takes bytes from the client.
    func receive(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let address = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let count = nghttp2_session_mem_recv(session, address, bytes.count)
        if count < 0 { throw Failure(code: Int32(count)) }
    }

    /// Appends what there is to send, a piece of it at most.
    ///
    /// - Returns: Whether that was all.
    func writePending(to buffer: inout ByteBuffer) throws(Failure) -> Bool {
        swap(&buffer, &outgoing)
        defer { swap(&buffer, &outgoing) }
        while outgoing.readableBytes < OutboundBuffer.piece {
            var frame: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(session, &frame)
            if count < 0 { throw Failure(code: Int32(count)) }
            // It also stops where `sendData` told it to.
            guard count > 0, let frame else { return outgoing.readableBytes < OutboundBuffer.piece }
            outgoing.growWiping(by: count)
            outgoing.writeBytes(UnsafeRawBufferPointer(start: frame, count: count))
        }
        return false
    }

    /// Answers a stream.
    func answer(_ stream: HTTP2Stream, with response: Response, date: String, isHead: Bool) throws(Failure) {
        stream.isAnswered = true
        clearBody(of: stream)
        swap(&stream.body, &spareBody)
        stream.isEndless = response.isEndless && !isHead
        let hasBody = !isHead && (response.body.readableBytes > 0 || response.isEndless)
        if hasBody { stream.responseBody = response.body }
        unsentBytes += stream.responseBody.readableBytes
        var provider = nghttp2_data_provider(source: nghttp2_data_source(), read_callback: Self.readBody)
        provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        let code = HTTP2Headers.withFields(of: response, date: date) { fields, count in
            withUnsafePointer(to: provider) { nghttp2_submit_response(session, stream.id, fields, count, hasBody ? $0 : nil) }
        }
        guard code == 0 else { throw Failure(code: code) }
        if !hasBody { response.body.wipe() }
    }

    /// There is more of a stream's body, or it has ended.
    func resume(_ stream: HTTP2Stream) {
        // Fails when the stream was not waiting for more, which is as well.
        _ = nghttp2_session_resume_data(session, stream.id)
    }

    /// Ends a stream whose client does not take its answer.
    func abort(_ stream: HTTP2Stream) {
        _ = nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }

    /// Ends a stream whose client goes on sending a request that was answered long ago.
    func abandon(_ stream: HTTP2Stream) {
        _ = nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, NGHTTP2_NO_ERROR.rawValue)
    }

    /// Tells the client that no further stream will be served (RFC 9113, section 6.8). Those in flight go on.
    func announceEnd() {
        let last = nghttp2_session_get_last_proc_stream_id(session)
        _ = nghttp2_submit_goaway(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }

    private func submitSettings() throws(Failure) {
        let settings = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: UInt32(limits.concurrentStreams)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.headerBytes)),
        ]
        let code = nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
        guard code == 0 else { throw Failure(code: code) }
    }
}

// MARK: - What the library calls

extension HTTP2Session {
    // The library calls these on the thread that called it, which is the event loop's, with the pointer that `init` gave it. The
    // session lives as long as `self`, so the pointer is valid.
    private static func with(_ pointer: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Int32) -> Int32 {
        guard let pointer else { return 0 }
        return Unmanaged<HTTP2Session>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
    }

    private static func install(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, pointer in
            guard let frame else { return 0 }
            return HTTP2Session.with(pointer) { $0.beginHeaders(frame.pointee) }
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, frame, name, nameCount, value, valueCount, _, pointer in
            guard let frame else { return 0 }
            return HTTP2Session.with(pointer) {
                $0.header(
                    frame.pointee.hd.stream_id, UnsafeBufferPointer(start: name, count: nameCount),
                    UnsafeBufferPointer(start: value, count: valueCount))
            }
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, pointer in
            guard let frame else { return 0 }
            return HTTP2Session.with(pointer) { $0.frameReceived(frame.pointee) }
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, data, count, pointer in
            HTTP2Session.with(pointer) { $0.dataReceived(id, UnsafeRawBufferPointer(start: data, count: count)) }
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, head, count, source, pointer in
            guard let head, let stream = source?.pointee.ptr else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return HTTP2Session.with(pointer) { session in
                Unmanaged<HTTP2Stream>.fromOpaque(stream)._withUnsafeGuaranteedRef { session.sendData(of: $0, count, head) }
            }
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, _, pointer in
            HTTP2Session.with(pointer) { $0.streamClosed(id) }
        }
    }

    /// Says how long the next piece of an answer's body is, which `sendData` then writes. `source` is the stream, which `streams` keeps
    /// until it is closed, and the library asks for no body of a closed stream.
    private static let readBody: nghttp2_data_source_read_callback = { _, _, _, length, flags, source, _ in
        guard let flags, let pointer = source?.pointee.ptr else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
        let count = min(length, stream.responseBody.readableBytes)
        if count == 0, stream.isEndless { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        // Not into the library's own buffer, which nobody would wipe, and which costs a copy.
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        if count == stream.responseBody.readableBytes, !stream.isEndless { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return count
    }

    /// Writes a DATA frame: its head of nine bytes and the next piece of the answer's body. There is no padding, which nobody asks for.
    private func sendData(of stream: HTTP2Stream, _ count: Int, _ head: UnsafePointer<UInt8>) -> Int32 {
        let size = Self.frameHeadByteCount + count
        if stream.subscription == nil { unsentBytes -= count }
        if count < Self.longFrame { outgoing.growWiping(by: size) } else { pieces.grow(&outgoing, by: size) }
        stream.responseBody.readWithUnsafeReadableBytes { body in
            outgoing.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
                // There is room for both, and `readBody` has said `count` of what is there.
                target.copyMemory(from: UnsafeRawBufferPointer(start: head, count: Self.frameHeadByteCount))
                UnsafeMutableRawBufferPointer(rebasing: target[Self.frameHeadByteCount...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[..<count]))
                return size
            }
            return count
        }
        // Others may not have taken the lines of a log yet; this client must not keep them once they have.
        if stream.subscription != nil, stream.responseBody.readableBytes == 0 { stream.responseBody = ByteBuffer() }
        return outgoing.readableBytes < OutboundBuffer.piece ? 0 : NGHTTP2_ERR_PAUSE.rawValue
    }

    private static let frameHeadByteCount = 9
    private static let longFrame = 8 * 1024

    /// How many times as long as allowed a header section is for its stream to be reset, instead of answered.
    private static let refusedHead = 4

    private func beginHeaders(_ frame: nghttp2_frame) -> Int32 {
        (headBegan, headStream) = (.now(), frame.hd.stream_id)
        guard frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        let stream = HTTP2Stream(id: frame.hd.stream_id, place: streams.count)
        streams.append(stream)
        // Unretained: `streams` keeps it until `streamClosed`, after which the library does not know the stream any more.
        nghttp2_session_set_stream_user_data(session, stream.id, Unmanaged.passUnretained(stream).toOpaque())
        forwardedCertificateHeader = delegate.forwardedCertificateHeader
        believesForwarded = forwardedCertificateHeader != nil
        return 0
    }

    /// The stream with this number, nil when it is none that this session serves.
    func stream(_ id: Int32) -> HTTP2Stream? {
        // What `beginHeaders` put there, for as long as the stream is in `streams`.
        nghttp2_session_get_stream_user_data(session, id).map { Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
    }

    private func header(_ id: Int32, _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Int32 {
        guard let stream = stream(id) else { return 0 }
        stream.headerBytes += name.count + value.count + 32
        // The library looks at every byte of a field before it hands it out, and a client can send one of 4 KiB again and again as one byte
        // each (RFC 7541, section 7.3). It decodes the rest of a section that is refused here without that.
        if stream.headerBytes > Self.refusedHead * limits.headerBytes { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
        // What comes behind the body says nothing to this server.
        guard stream.headerBytes <= limits.headerBytes, stream.exchange == nil else { return 0 }
        HTTP2Headers.read(name, value, into: stream)
        if believesForwarded, let header = forwardedCertificateHeader {
            HTTP2Headers.readForwarded(name, value, into: stream, certificateHeader: header)
        }
        return 0
    }

    private func frameReceived(_ frame: nghttp2_frame) -> Int32 {
        let type = UInt32(frame.hd.type)
        guard type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue else { return 0 }
        if type == NGHTTP2_HEADERS.rawValue { headBegan = nil }
        guard let stream = stream(frame.hd.stream_id) else { return 0 }
        stream.isComplete = UInt32(frame.hd.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
        if type == NGHTTP2_HEADERS.rawValue, stream.exchange == nil {
            delegate.headArrived(stream)
            if stream.expectsContinue, !stream.isComplete, !stream.isAnswered { return giveLeave(stream) }
        }
        if stream.isComplete, !stream.isAnswered { delegate.requestArrived(stream) }
        return 0
    }

    /// Tells a client that waits for it to go on with the body (RFC 9110, section 15.2.1).
    private func giveLeave(_ stream: HTTP2Stream) -> Int32 {
        HTTP2Headers.withContinue { fields, count in
            nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, fields, count, nil)
        }
    }

    private func streamClosed(_ id: Int32) -> Int32 {
        // A malformed head, or malformed trailers, are not told as received.
        if headStream == id { headBegan = nil }
        guard let stream = stream(id) else { return 0 }
        // The last one takes the place that becomes free.
        let last = streams.removeLast()
        if last !== stream {
            streams[stream.place] = last
            last.place = stream.place
        }
        nghttp2_session_set_stream_user_data(session, id, nil)
        stream.isOpen = false
        if stream.subscription == nil { unsentBytes -= stream.responseBody.readableBytes }
        clearBody(of: stream)
        delegate.streamClosed(stream)
        stream.wipe()
        return 0
    }
}
