import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import SecureBytes
import Synchronization

/// Sends requests to the first of several endpoints that can be used, and reads the answers.
final class Transport: Sendable {
    /// An answer with a 2xx status.
    struct Reply {
        let endpoint: Endpoint
        let body: SecretBytes
    }

    /// One request of the protocol.
    struct Request {
        let method: HTTPMethod
        /// Percent-encoded, with its leading slash.
        let path: String
        var body: SecretBytes?
        /// Whether the answer may come in the gzip coding, which the caller then reads. Not where it holds a secret.
        var takesGzip = false
        /// Whether a second request, after the first one may have been carried out, does no harm and gets the same answer.
        let repeatable: Bool
        /// Whether an answer stands, also one that says that the server is out of service.
        var answerStands = false
    }

    // Far above what the protocol allows: a page of 1,000 names and a bulk decryption both stay below 2 MiB.
    static let maximumReplySize = 16 << 20

    var endpoints: [Endpoint] { connections.map(\.endpoint) }
    private let connections: [EndpointConnections]
    private let timeout: Duration
    private let retries: RetryPolicy
    // The endpoint that answered last, so that a server that is down costs one attempt and not one for every request.
    private let preferred = Atomic<Int>(0)

    init(
        endpoints: [Endpoint], credential: ClientCredential, trust: ServerTrust, timeout: Duration, retries: RetryPolicy,
        version: HTTPVersionPreference
    ) throws(KESError) {
        guard !endpoints.isEmpty else { throw .invalidEndpoint("", reason: "at least one is needed") }
        var tls = TLSConfiguration.makeClientConfiguration()
        try credential.apply(to: &tls)
        // Servers with Ed25519 certificates are common in KES deployments, and BoringSSL does not offer it by itself.
        tls.verifySignatureAlgorithms = [
            .ed25519, .ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512,
            .rsaPssRsaeSha256, .rsaPssRsaeSha384, .rsaPssRsaeSha512, .rsaPkcs1Sha256, .rsaPkcs1Sha384, .rsaPkcs1Sha512,
        ]
        let resolved = try trust.resolved()
        let shown = credential.description
        connections = endpoints.map {
            EndpointConnections(
                $0, tls: tls, trust: resolved, credential: shown, timeout: timeout, version: version)
        }
        self.timeout = timeout
        self.retries = retries
    }

    /// Ends all connections.
    func shutdown() async {
        for connection in connections { await connection.shutdown() }
    }

    /// Sends `request` and reads the answer. An endpoint that cannot be used passes it on to the next one, provided that no
    /// request is carried out twice by that.
    func send(_ request: Request) async throws(KESError) -> Reply {
        try await onFirstUsableEndpoint(request) { connections throws(KESError) in
            try await self.exchange(request, on: connections)
        }
    }

    /// Starts a request whose answer has no end: its body gives the parts as they come. The time limit is for its head.
    func open(_ request: Request) async throws(KESError) -> (Endpoint, HTTPClientResponse) {
        try await onFirstUsableEndpoint(request) { connections throws(KESError) in
            let endpoint = connections.endpoint
            do {
                let response = try await self.withinTimeLimit(connections) {
                    let response = try await connections.execute(
                        Self.message(request, to: endpoint), repeatable: request.repeatable, isFollowing: true)
                    guard response.status == .ok else {
                        let body = try await Self.collect(response.body, from: endpoint)
                        throw KESError.server(
                            status: Int(response.status.code), message: Self.message(in: body, status: response.status))
                    }
                    return response
                }
                return (endpoint, response)
            } catch {
                throw ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
            }
        }
    }

    private func onFirstUsableEndpoint<R>(
        _ request: Request, _ attempt: (EndpointConnections) async throws(KESError) -> R
    ) async throws(KESError) -> R {
        var round = 0
        while true {
            var failures: [KESError] = []
            let first = preferred.load(ordering: .relaxed)
            for offset in connections.indices {
                let index = (first + offset) % connections.count
                do {
                    let result = try await attempt(connections[index])
                    preferred.store(index, ordering: .relaxed)
                    return result
                } catch {
                    if case .server = error, request.answerStands { throw error }
                    // Final for the call, whatever other endpoints failed with: in another round this one would get the request again.
                    guard error.mayTryElsewhere(repeatable: request.repeatable) else { throw error }
                    failures.append(error)
                }
            }
            round += 1
            // Another round would take the time again that the caller gave the one that did not answer, whatever the others failed with.
            guard round < retries.rounds, !failures.contains(where: \.isTimeout),
                failures.contains(where: { $0.mayPass(repeatable: request.repeatable) })
            else { throw Self.summary(of: failures) }
            do {
                try await Task.sleep(for: retries.pause(after: round - 1, fraction: .random(in: 0...1)))
            } catch {
                throw .cancelled
            }
        }
    }

    // An answer, even one that says no, tells more than failures to get one.
    private static func summary(of failures: [KESError]) -> KESError {
        if let only = failures.first, failures.count == 1 { return only }
        let answer = failures.first { if case .server = $0 { true } else { false } }
        return answer ?? .allEndpointsFailed(failures)
    }

    /// Runs `body`, and gives it up when it takes longer than a request may.
    private func withinTimeLimit<R: Sendable>(
        _ connections: EndpointConnections, _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        let limit = timeout
        let start = connections.history.now
        let result = try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limit.sleepable)
                return nil
            }
            defer { group.cancelAll() }
            // The first of the two; there are two, so that `next` has one to give.
            return try await group.next() ?? nil
        }
        if let result { return result }
        // `body` has ended, so that a connection which comes only now gets no request.
        throw connections.history.hadNoConnection(since: start)
            ? KESError.noConnectionInTime(connections.endpoint, after: limit)
            : KESError.timedOut(connections.endpoint, after: limit)
    }

    private func exchange(_ request: Request, on connections: EndpointConnections) async throws(KESError) -> Reply {
        let endpoint = connections.endpoint
        do {
            let (status, body) = try await withinTimeLimit(connections) {
                let response = try await connections.execute(
                    Self.message(request, to: endpoint), repeatable: request.repeatable)
                return (response.status, try await Self.collect(response.body, from: endpoint))
            }
            guard (200..<300).contains(status.code) else {
                throw KESError.server(status: Int(status.code), message: Self.message(in: body, status: status))
            }
            return Reply(endpoint: endpoint, body: body)
        } catch {
            throw ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
        }
    }

    private static func message(_ request: Request, to endpoint: Endpoint) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: "https://\(endpoint)\(request.path)")
        message.method = request.method
        message.headers.add(name: "accept", value: "application/json")
        if request.takesGzip { message.headers.add(name: "accept-encoding", value: "gzip") }
        if let body = request.body {
            message.headers.add(name: "content-type", value: "application/json")
            // The libraries below take ordinary memory only; what they copy cannot be wiped from here.
            message.body = .bytes(body.withUnsafeBytes { ByteBuffer(bytes: $0) })
        }
        return message
    }

    private static func collect(_ body: HTTPClientResponse.Body, from endpoint: Endpoint) async throws -> SecretBytes {
        var parts: [ByteBuffer] = []
        var count = 0
        for try await part in body {
            count += part.readableBytes
            guard count <= maximumReplySize else {
                throw KESError.invalidResponse(endpoint, reason: "it is larger than \(maximumReplySize) bytes")
            }
            parts.append(part)
        }
        return SecretBytes(count: count) { bytes in
            var end = 0
            for part in parts {
                part.withUnsafeReadableBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[end...]).copyMemory(from: $0) }
                end += part.readableBytes
            }
        }
    }

    // Errors hold no secrets, so that an ordinary String will do.
    private static func message(in body: SecretBytes, status: HTTPResponseStatus) -> String {
        let bytes = body.withUnsafeBytes { Array($0) }
        if let reply = try? JSONReply.decode(ErrorReply.self, from: bytes), !reply.message.isEmpty { return reply.message }
        return "the server answered \(status.code) \(status.reasonPhrase)"
    }

    private struct ErrorReply: Decodable {
        let message: String
    }
}

/// Which version of HTTP a client uses.
public enum HTTPVersionPreference: Sendable {
    /// HTTP/2 where the server speaks it, else HTTP/1.1.
    case automatic
    /// HTTP/1.1 only.
    case http1
}
