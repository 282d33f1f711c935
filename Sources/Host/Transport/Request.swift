import NIOCore

/// What a handler gets: a request that was admitted, whole.
struct Request {
    /// The part of the path behind the route's own (`my-key` of `/v1/key/create/my-key`), percent-decoded.
    var argument: Substring
    /// The whole path, percent-decoded.
    var path: String { argument.base }
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
