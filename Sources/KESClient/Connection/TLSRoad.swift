import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL

/// One way to connect to an endpoint: what TLS checks, and what is checked after it before anything is sent.
struct TLSRoad: Sendable {
    let endpoint: Endpoint
    let tls: TLSConfiguration
    /// nil when the server's certificate is not checked.
    let verification: ServerVerification?
    /// Where connections are noted.
    let history: ConnectionHistory
    /// How long a connection may take to come about. A client that is shut down waits for those that are about to.
    let connectLimit: TimeAmount

    /// - Parameter connections: how many may be open over HTTP/1.1, which carries one request at a time.
    func client(_ version: HTTPVersionPreference, connections: Int = 8) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: connectLimit))
        // Whether and when to try again is the retry policy's.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        configuration.httpVersion = version == .http1 ? .http1Only : .automatic
        // A connection is given to requests when these have succeeded, and not before.
        configuration.http1_1ConnectionDebugInitializer = { admit($0) }
        configuration.http2ConnectionDebugInitializer = { admit($0) }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    private func admit(_ channel: any Channel) -> EventLoopFuture<Void> {
        let checked = verification?.check(channel) ?? channel.eventLoop.makeSucceededVoidFuture()
        return checked.flatMapThrowing {
            history.note(channel)
            // Nothing was sent before.
            try channel.pipeline.syncOperations.addHandler(EstablishedConnection(), position: .first)
        }
    }

    /// Asks for the server's version, which changes nothing, over an HTTP/1.1 connection of its own, and returns what that failed with.
    ///
    /// It is for finding out why a connection did not come about: of an HTTP/2 connection the HTTP library says no more than that it was
    /// closed, although an alert of the server's said why.
    func inspect() async -> KESError? {
        let client = client(.http1)
        var problem: KESError?
        do {
            var request = HTTPClientRequest(url: "https://\(endpoint)/version")
            request.method = .HEAD
            _ = try await client.execute(request, timeout: .seconds(5))
        } catch {
            problem = ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
        }
        // It fails when it was called before.
        try? await client.shutdown()
        return problem
    }
}
