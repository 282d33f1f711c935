import NIOCore

/// One request and its answer on an HTTP/2 connection (RFC 9113, section 5). Belongs to its connection's event loop.
final class HTTP2Stream {
    let id: Int32
    /// Where the session keeps it.
    var place: Int
    /// Whether the session still knows it.
    var isOpen = true
    var head = RequestHead()
    /// The size of the header section as RFC 9113, section 10.5.1, counts it: names, values, and 32 for each field.
    var headerBytes = 0
    /// Whether the client waits for leave to send the body (RFC 9110, section 10.1.1).
    var expectsContinue = false
    var codings = AcceptedCodings()
    var exchange: Exchange?
    var body = BodyBuffer()
    /// Bytes of the body for which the client was given no credit to send others.
    var heldCredit = 0
    /// The request is whole, and waits for its turn.
    var isWaiting = false
    /// The client has sent its request whole.
    var isComplete = false
    /// An answer was handed to the session.
    var isAnswered = false
    /// What is left of the answer's body to send.
    var responseBody = ByteBuffer()
    /// More of the body may come: the answer is a log that is followed.
    var isEndless = false
    var subscription: LogSubscription?

    init(id: Int32, place: Int) {
        self.id = id
        self.place = place
    }

    /// Overwrites what the stream still holds of request and answer.
    func wipe() {
        body.clear()
        // The lines of a log are shared with those who follow it on other connections.
        if subscription != nil { responseBody = ByteBuffer() }
        responseBody.moveReaderIndex(to: 0)
        responseBody.wipe()
    }
}
