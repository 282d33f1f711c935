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
    // What tells the certificate of a server that is not trusted; nil when none is checked.
    private let inspection: Inspection?
    // Which certificate the client shows.
    private let credential: String

    /// - Parameters:
    ///   - tls: with the client's certificate; what it says of the server's is replaced.
    ///   - credential: which certificate that is, for messages.
    init(_ endpoint: Endpoint, tls: TLSConfiguration, trust: ResolvedTrust, credential: String, version: HTTPVersionPreference) {
        self.endpoint = endpoint
        self.credential = credential
        var tls = tls
        switch trust {
        case .insecure:
            tls.certificateVerification = .none
            chained = Self.client(tls, version, verification: nil)
            pinned = nil
            inspection = nil
        case .roots(let roots, let additional, let certificates, let origin):
            func verification(_ basis: ServerVerification.Basis) -> ServerVerification {
                ServerVerification(endpoint: endpoint, basis: basis, trusted: origin)
            }
            tls.certificateVerification = .fullVerification
            tls.trustRoots = roots
            tls.additionalTrustRoots = [.certificates(additional)]
            chained = Self.client(tls, version, verification: verification(.chain))
            tls.certificateVerification = .none
            pinned =
                certificates.isEmpty ? nil : Self.client(tls, version, verification: verification(.certificates(certificates)))
            inspection = Inspection(tls: tls, verification: verification(.certificates([])))
        }
    }

    private static func client(
        _ tls: TLSConfiguration, _ version: HTTPVersionPreference, verification: ServerVerification?
    ) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10)))
        // Whether and when to try again is the retry policy's.
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
        var pinnedProblem: KESError?
        // The exact certificate first: it is the usual case where one is given, and needs no reading of the system's authorities.
        if let pinned, !needsChain.load(ordering: .relaxed) {
            do {
                return try await execute(request, pinned)
            } catch {
                // Nothing was sent: the check of the certificate is where it failed.
                guard case .untrustedServer(_, let problem) = error, problem.kind != .otherName else { throw error }
                pinnedProblem = error
            }
        }
        do {
            let response = try await execute(request, chained)
            needsChain.store(true, ordering: .relaxed)
            return response
        } catch {
            // A handshake that fails for the certificate does not tell which one it was.
            guard case .untrustedServer(_, let problem) = error, problem.certificate == nil else { throw error }
            if let pinnedProblem { throw pinnedProblem }
            throw await inspection?.problem(request) ?? error
        }
    }

    private func execute(_ request: HTTPClientRequest, _ client: HTTPClient) async throws(KESError) -> HTTPClientResponse {
        do {
            return try await client.execute(request, deadline: .distantFuture)
        } catch {
            let diagnosis = ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
            if case .clientRefused(let endpoint, _, let reason) = diagnosis {
                throw .clientRefused(endpoint, certificate: credential, reason: reason)
            }
            throw diagnosis
        }
    }

    /// Looks at the certificate of a server that is not trusted, over a connection that carries nothing else.
    private struct Inspection: Sendable {
        let tls: TLSConfiguration
        /// Trusts no certificate at all, so that no request is ever sent.
        let verification: ServerVerification

        /// What is wrong with the certificate; nil when it could not be had.
        func problem(_ request: HTTPClientRequest) async -> KESError? {
            let client = EndpointConnections.client(tls, .http1, verification: verification)
            var problem: KESError?
            do {
                var bare = HTTPClientRequest(url: request.url)
                bare.method = .HEAD
                _ = try await client.execute(bare, timeout: .seconds(5))
            } catch {
                let diagnosis = ConnectionDiagnosis.diagnose(error, endpoint: verification.endpoint)
                if case .untrustedServer = diagnosis { problem = diagnosis }
            }
            // It fails when it was called before.
            try? await client.shutdown()
            return problem
        }
    }
}
