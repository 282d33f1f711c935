import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The connections to one endpoint.
final class EndpointConnections: Sendable {
    let endpoint: Endpoint
    // For servers with a chain to a trusted certificate, or for all of them when none is checked.
    private let chained: HTTPClient
    // For servers whose very certificate is trusted; nil when there is no such certificate.
    private let pinned: HTTPClient?
    // Whether the server's certificate was none of the pinned ones.
    private let needsChain = Atomic<Bool>(false)

    /// - Parameter tls: with the client's certificate; what it says of the server's is replaced.
    init(_ endpoint: Endpoint, tls: TLSConfiguration, trust: ResolvedTrust, version: HTTPVersionPreference) {
        self.endpoint = endpoint
        var tls = tls
        switch trust {
        case .insecure:
            tls.certificateVerification = .none
            chained = Self.client(tls, version, verification: nil)
            pinned = nil
        case .roots(let roots, let additional, let certificates):
            tls.certificateVerification = .fullVerification
            tls.trustRoots = roots
            tls.additionalTrustRoots = [.certificates(additional)]
            chained = Self.client(tls, version, verification: ServerVerification(endpoint: endpoint, basis: .chain))
            if certificates.isEmpty {
                pinned = nil
            } else {
                tls.certificateVerification = .none
                pinned = Self.client(
                    tls, version, verification: ServerVerification(endpoint: endpoint, basis: .certificates(certificates)))
            }
        }
    }

    private static func client(
        _ tls: TLSConfiguration, _ version: HTTPVersionPreference, verification: ServerVerification?
    ) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)))
        // The next endpoint is the retry. With one endpoint the caller hears of it at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = version == .http1 ? .http1Only : .automatic
        if let verification {
            // A connection is given to requests when these have succeeded, and not before.
            configuration.http1_1ConnectionDebugInitializer = { verification.check($0) }
            configuration.http2ConnectionDebugInitializer = { verification.check($0) }
        }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    deinit {
        // Nobody is left to tell whether it was shut down before, which is the only way in which this can fail.
        for client in clients { client.shutdown { _ in } }
    }

    private var clients: [HTTPClient] { [chained, pinned].compactMap { $0 } }

    func shutdown() async {
        // It fails when it was called before, and then there is nothing left to do.
        for client in clients { try? await client.shutdown() }
    }

    /// Sends a request and gives the head of the answer.
    func execute(_ request: HTTPClientRequest) async throws(KESError) -> HTTPClientResponse {
        // The exact certificate first: it is the usual case where one is given, and needs no reading of the system's authorities.
        if let pinned, !needsChain.load(ordering: .relaxed) {
            do {
                return try await execute(request, pinned)
            } catch {
                // Nothing was sent: the check of the certificate is where it failed.
                guard error == .untrustedServer(endpoint, .notTrusted) else { throw error }
            }
        }
        let response = try await execute(request, chained)
        needsChain.store(true, ordering: .relaxed)
        return response
    }

    private func execute(_ request: HTTPClientRequest, _ client: HTTPClient) async throws(KESError) -> HTTPClientResponse {
        do {
            return try await client.execute(request, deadline: .distantFuture)
        } catch {
            throw ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
        }
    }
}
