import Glibc
import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS
import TestSupport

/// A client that sends the last of its handshake, its request and its end in one TCP segment.
///
/// NIOSSL makes the bytes, and what goes into which segment is said here: nothing that has sockets of its own could be told.
final class AllAtOnceClient {
    /// How the client says that it sends nothing more.
    enum End: CaseIterable {
        /// TLS's close_notify (RFC 8446, section 6.1), and then that of the socket.
        case closeNotify
        /// That of the socket alone.
        case socketOnly
    }

    private let descriptor: Int32
    private let channel = EmbeddedChannel()
    private let events = EventRecorder()

    /// - Parameter isNarrow: Whether the systems on both sides take in little of what this client does not read, so that the rest waits in the
    ///   server. They guess at how much by the size of segments, which is 64 KiB on the loopback device.
    init(port: Int, as client: Deployment.Client, applicationProtocol: String, isNarrow: Bool = false) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.minimumTLSVersion = .tlsv13
        configuration.applicationProtocols = [applicationProtocol]
        configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(client.certificate).map { .certificate($0) }
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: client.key, format: .pem))
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if isNarrow {
            for (level, option, value) in [(SOL_SOCKET, SO_RCVBUF, 4096), (Int32(IPPROTO_TCP), TCP_MAXSEG, 536)]
                as [(Int32, Int32, Int32)]
            {
                _ = withUnsafePointer(to: value) {
                    setsockopt(descriptor, level, option, $0, socklen_t(MemoryLayout<Int32>.size))
                }
            }
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        // `sockaddr_in` is a `sockaddr` of the family AF_INET.
        let code = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw SystemError("connect", errno) }
        let context = try NIOSSLContext(configuration: configuration)
        try channel.pipeline.syncOperations.addHandler(OpenEnd())
        try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
        try channel.pipeline.syncOperations.addHandler(events)
        channel.pipeline.fireChannelActive()
    }

    deinit {
        close(descriptor)
        // Not `finish`, which waits for ever where the server has not ended TLS: by its clock, which only this moves, NIOSSL gives up.
        channel.close(mode: .all, promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .minutes(1))
    }

    /// The server ended the connection before the handshake was over.
    struct NoHandshake: Error {}

    /// - Returns: What the server answers until it ends the connection.
    func ask(_ request: [UInt8], end: End) throws -> [UInt8] {
        try shakeHands()
        channel.writeAndFlush(ByteBuffer(bytes: request), promise: nil)
        if end == .closeNotify { channel.close(mode: .output, promise: nil) }
        // The system holds back what does not fill a segment until the end, which goes into it (tcp(7)).
        var cork: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CORK, &cork, socklen_t(MemoryLayout<Int32>.size))
        try send()
        shutdown(descriptor, Int32(SHUT_WR))
        while try receive() {}
        return events.received
    }

    /// - Parameter pause: Done before any of the answer is read.
    /// - Returns: What the server answers until it ends the connection.
    func ask(_ request: [UInt8], pause: () throws -> Void) throws -> [UInt8] {
        try shakeHands()
        channel.writeAndFlush(ByteBuffer(bytes: request), promise: nil)
        try send()
        try pause()
        while try receive() {}
        return events.received
    }

    private func shakeHands() throws {
        while !events.isHandshakeOver {
            try send()
            guard try receive() else { throw NoHandshake() }
        }
    }

    private func send() throws {
        channel.embeddedEventLoop.run()
        var bytes: [UInt8] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
        guard bytes.isEmpty || Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw SystemError("send", errno)
        }
    }

    /// False at the end.
    private func receive() throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: bytes[..<count]))
        channel.pipeline.fireChannelReadComplete()
        channel.embeddedEventLoop.run()
        return true
    }
}

/// Keeps the channel open, which knows no half-closure: the socket is closed here by hand.
private final class OpenEnd: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
    }
}

/// What TLS hands on.
private final class EventRecorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var isHandshakeOver = false
    private(set) var received: [UInt8] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { isHandshakeOver = true }
    }

    /// The server's end, with or without close_notify: `received` tells whether everything came.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
