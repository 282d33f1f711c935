import NIOCore

/// The head of a request: what is known before its body arrives. The same for HTTP/1.1 and HTTP/2.
package struct RequestHead: Equatable {
    /// The method as sent (`PUT`).
    package var method: String
    /// The request target as sent: path and query, percent-encoded.
    package var target: String
    /// The value of `content-length`; nil when the length is not known.
    package var contentLength: Int?
    /// The certificate that a TLS proxy forwarded, and the addresses that proxies forwarded: nil unless the connection is one of a
    /// configured proxy, because from anyone else they are not to be believed.
    package var forwardedCertificate: String?
    package var forwardedFor: String?

    package init(method: String = "", target: String = "") {
        self.method = method
        self.target = target
    }
}

/// What a handler gets: a request that was admitted, whole.
struct Request {
    /// The part of the path behind the route's own (`my-key` of `/v1/key/create/my-key`), percent-decoded.
    var argument: Substring
    var body: ByteBuffer
    /// Who asks. Only routes that answer without a certificate see nil.
    var caller: Caller?
    /// When the answer must be there.
    var deadline: NIODeadline?
    /// How long the keystore may take.
    var timeout: Duration {
        guard let deadline else { return Self.unlimited }
        return .nanoseconds(max(0, (deadline - .now()).nanoseconds))
    }

    /// What a route without a time limit allows the keystore, so that no call waits for ever.
    private static let unlimited = Duration.seconds(60)

    /// The loop of the connection: futures that a handler returns are completed on it.
    var eventLoop: any EventLoop
}
