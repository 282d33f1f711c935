import CNghttp2
import NIOCore

/// The bodies of requests, and how much of them a client may send (RFC 9113, section 5.2).
///
/// A body may have a megabyte, and a connection 250 streams: all of them together would take as much memory as all of the rest. Once more than
/// `TransportLimits.bodyBytes` have arrived, a stream gets no further credit until that is less, but for the oldest one, so that there is
/// always one that goes on. What clients may send without credit, 64 KiB for each stream, comes on top.
extension HTTP2Session {
    func dataReceived(_ id: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard let stream = stream(id), !stream.isAnswered, let exchange = stream.exchange else {
            // The stream's window stays used up, so that the client stops by itself. A RST_STREAM, which RFC 9113, section 8.1, allows
            // here, makes curl 7.88 lose the answer that came before it.
            return nghttp2_session_consume_connection(session, bytes.count)
        }
        guard stream.body.count + bytes.count <= exchange.bodyLimit else {
            delegate.bodyTooLarge(stream)
            return nghttp2_session_consume_connection(session, bytes.count)
        }
        if stream.body.isFresh { swap(&stream.body, &spareBody) }
        stream.body.append(bytes)
        bodyBytes += bytes.count
        guard bodyBytes > limits.bodyBytes else { return nghttp2_session_consume(session, id, bytes.count) }
        stream.heldCredit += bytes.count
        holdsCredit = true
        let code = nghttp2_session_consume_connection(session, bytes.count)
        return code == 0 ? giveOldestCredit() : code
    }

    /// A request was answered or given up: what was received of it is wiped, and others may go on.
    func clearBody(of stream: HTTP2Stream) {
        bodyBytes -= stream.body.count
        stream.body.clear()
        stream.heldCredit = 0
        // Fails only for lack of memory, and is then tried again with the next piece of a body.
        if holdsCredit { _ = giveCredit() }
    }

    /// Gives the credit that was held back, the oldest first, as far as there is room for what may come for it.
    private func giveCredit() -> Int32 {
        var room = limits.bodyBytes - bodyBytes
        let held = streams.filter { $0.heldCredit > 0 }.sorted { $0.id < $1.id }
        for stream in held where room > 0 {
            room -= stream.heldCredit
            let code = giveCredit(to: stream)
            if code != 0 { return code }
        }
        holdsCredit = held.last.map { $0.heldCredit > 0 } ?? false
        return giveOldestCredit()
    }

    /// Lets the oldest of the requests with a body that are not answered go on. If that one is whole, it is the answer that has to go on.
    private func giveOldestCredit() -> Int32 {
        guard let oldest = streams.lazy.filter({ $0.body.count > 0 }).min(by: { $0.id < $1.id }), oldest.heldCredit > 0 else {
            return 0
        }
        return giveCredit(to: oldest)
    }

    private func giveCredit(to stream: HTTP2Stream) -> Int32 {
        defer { stream.heldCredit = 0 }
        return nghttp2_session_consume_stream(session, stream.id, stream.heldCredit)
    }
}
