import AsyncHTTPClient
import NIOCore
import NIOSSL
import Synchronization

/// The connections to one endpoint.
final class EndpointConnections: Sendable {
    /// A road, and the connections on it.
    private struct Pool: Sendable {
        let road: TLSRoad
        let client: HTTPClient
        /// For answers without an end. Over HTTP/1.1 each keeps a connection to itself, and no other call is to wait for one of those.
        let followers: HTTPClient

        init(_ road: TLSRoad, _ version: HTTPVersionPreference) {
            self.road = road
            client = road.client(version)
            followers = road.client(version, connections: .max)
        }
    }

    let endpoint: Endpoint
    // For servers with a chain to a trusted certificate, or for all of them when none is checked.
    private let chained: Pool
    // For servers whose very certificate is trusted; nil when there is no such certificate.
    private let pinned: Pool?
    // Trusts no certificate at all, and so tells that of a server that is not trusted; nil when none is checked.
    private let inspection: TLSRoad?
    // Whether the server's certificate was none of the pinned ones.
    private let needsChain = Atomic<Bool>(false)
    // Which certificate the client shows.
    private let credential: String
    /// Those that requests were given to, or can be.
    let history: ConnectionHistory

    /// - Parameters:
    ///   - tls: with the client's certificate; what it says of the server's is replaced.
    ///   - credential: which certificate that is, for messages.
    ///   - timeout: how long a request may take.
    init(
        _ endpoint: Endpoint, tls: TLSConfiguration, trust: ResolvedTrust, credential: String, timeout: Duration,
        version: HTTPVersionPreference
    ) {
        // Longer than a request, so that it is the request's limit that callers hear of.
        let connectLimit = min(TimeAmount(timeout), .seconds(9)) + .seconds(1)
        self.endpoint = endpoint
        self.credential = credential
        let history = ConnectionHistory()
        self.history = history
        func pool(_ tls: TLSConfiguration, _ verification: ServerVerification?) -> Pool {
            let road = TLSRoad(
                endpoint: endpoint, tls: tls, verification: verification, history: history, connectLimit: connectLimit)
            return Pool(road, version)
        }
        var tls = tls
        switch trust {
        case .insecure:
            tls.certificateVerification = .none
            chained = pool(tls, nil)
            pinned = nil
            inspection = nil
        case .roots(let roots, let additional, let certificates, let origin):
            func verification(_ basis: ServerVerification.Basis) -> ServerVerification {
                ServerVerification(endpoint: endpoint, basis: basis, trusted: origin)
            }
            tls.certificateVerification = .fullVerification
            tls.trustRoots = roots
            tls.additionalTrustRoots = [.certificates(additional)]
            chained = pool(tls, verification(.chain))
            tls.certificateVerification = .none
            pinned = certificates.isEmpty ? nil : pool(tls, verification(.certificates(certificates)))
            inspection = TLSRoad(
                endpoint: endpoint, tls: tls, verification: verification(.certificates([])), history: history,
                connectLimit: connectLimit)
        }
    }

    deinit {
        // Nobody is left to tell whether it was shut down before, which is the only way in which this can fail.
        for client in clients { client.shutdown { _ in } }
    }

    private var clients: [HTTPClient] { [chained, pinned].compactMap(\.self).flatMap { [$0.client, $0.followers] } }

    func shutdown() async {
        // It fails when it was called before, and then there is nothing left to do.
        for client in clients { try? await client.shutdown() }
    }

    /// Sends a request and gives the head of the answer.
    ///
    /// - Parameters:
    ///   - repeatable: whether a second request does no harm after the first one may have been carried out.
    ///   - isFollowing: whether the answer has no end.
    func execute(
        _ request: HTTPClientRequest, repeatable: Bool, isFollowing: Bool = false
    ) async throws(KESError) -> HTTPClientResponse {
        var pinnedProblem: KESError?
        // The exact certificate first: it is the usual case where one is given, and needs no reading of the system's authorities.
        if let pinned, !needsChain.load(ordering: .relaxed) {
            do {
                return try await execute(request, pinned, repeatable, isFollowing)
            } catch {
                // Nothing was sent: the check of the certificate is where it failed.
                guard case .untrustedServer(_, let problem) = error, problem.kind != .otherName else { throw error }
                pinnedProblem = error
            }
        }
        do {
            let response = try await execute(request, chained, repeatable, isFollowing)
            needsChain.store(true, ordering: .relaxed)
            return response
        } catch {
            // A handshake that fails for the certificate does not tell which one it was.
            guard case .untrustedServer(_, let problem) = error, problem.certificate == nil else { throw error }
            if let pinnedProblem { throw pinnedProblem }
            guard let found = await inspection?.inspect(), case .untrustedServer = found else { throw error }
            throw found
        }
    }

    private func execute(
        _ request: HTTPClientRequest, _ pool: Pool, _ repeatable: Bool, _ isFollowing: Bool
    ) async throws(KESError) -> HTTPClientResponse {
        do {
            return try await (isFollowing ? pool.followers : pool.client).execute(request, deadline: .distantFuture)
        } catch {
            var diagnosis = ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
            // Perhaps at once, because it does not accept this client: it would have said so.
            if error as? HTTPClientError == .remoteConnectionClosed, let found = await pool.road.inspect(),
                case .clientRefused(_, _, let reason) = found
            {
                // Or it carried the request out, and refuses the client since then: this says nothing of the request.
                guard repeatable else {
                    throw .connectionLost(endpoint, reason: "the server refuses this client with \(credential): \(reason)")
                }
                diagnosis = found
            }
            if case .clientRefused(let endpoint, _, let reason) = diagnosis {
                throw .clientRefused(endpoint, certificate: credential, reason: reason)
            }
            throw diagnosis
        }
    }
}
