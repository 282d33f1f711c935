import Glibc
import KESClient
import NIOCore
import NIOEmbedded
import Testing

/// What is made of the system's errors, which come of themselves only while a network breaks.
@Suite struct DiagnosisTests {
    private static let codes = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN]
    private let endpoint: Endpoint

    init() throws {
        endpoint = try Endpoint("127.0.0.1:1")
    }

    @Test(arguments: codes)
    func aConnectionThatDidNotComeAboutCarriedNothing(code: CInt) {
        guard case .unreachable = ConnectionDiagnosis.diagnose(IOError(errnoCode: code, reason: "connect"), endpoint: endpoint)
        else {
            Issue.record("no request would go to the next endpoint")
            return
        }
    }

    /// It fails with what routers said of packets that it sent: the request may have come before.
    @Test(arguments: codes, [true, false])
    func anEstablishedConnectionMayHaveCarriedTheRequest(code: CInt, isWriting: Bool) throws {
        let channel = EmbeddedChannel()
        if isWriting { try channel.pipeline.syncOperations.addHandler(BrokenSocket(code: code)) }
        try channel.pipeline.syncOperations.addHandler(EstablishedConnection())
        let error = #expect(throws: (any Error).self) {
            if isWriting { try channel.writeOutbound(ByteBuffer(string: "request")) }
            channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "read"))
            try channel.throwIfErrorCaught()
        }
        guard case .connectionLost = try ConnectionDiagnosis.diagnose(#require(error), endpoint: endpoint) else {
            Issue.record("a request that may not be repeated would be sent twice")
            return
        }
    }
}

/// Fails every write, as a socket does.
private final class BrokenSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private let code: CInt

    init(code: CInt) {
        self.code = code
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        promise?.fail(IOError(errnoCode: code, reason: "write"))
    }
}
