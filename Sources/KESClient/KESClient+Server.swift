/// Which server this is.
public struct ServerVersion: Sendable, Equatable, Decodable {
    public let version: String
    /// The commit that it was built from; empty when it does not say.
    public let commit: String

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(String.self, forKey: .version)
        commit = try container.decodeIfPresent(String.self, forKey: .commit) ?? ""
    }

    private enum CodingKeys: String, CodingKey {
        case version
        case commit
    }
}

/// How a server is.
public struct ServerStatus: Sendable, Equatable, Decodable {
    public let version: String
    public let operatingSystem: String
    public let architecture: String
    /// In seconds.
    public let uptime: UInt64
    public let processors: Int
    /// Processors that the server may use.
    public let processorsUsed: Int
    /// In bytes.
    public let heapUsed: UInt64
    /// In bytes.
    public let stackUsed: UInt64
    /// In milliseconds; nil when the keystore is out of reach.
    public let keystoreLatency: Int?
    /// Whether the keystore is out of reach.
    public let keystoreUnreachable: Bool

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(String.self, forKey: .version)
        operatingSystem = try container.decode(String.self, forKey: .operatingSystem)
        architecture = try container.decode(String.self, forKey: .architecture)
        uptime = try container.decode(UInt64.self, forKey: .uptime)
        processors = try container.decode(Int.self, forKey: .processors)
        processorsUsed = try container.decode(Int.self, forKey: .processorsUsed)
        heapUsed = try container.decode(UInt64.self, forKey: .heapUsed)
        stackUsed = try container.decode(UInt64.self, forKey: .stackUsed)
        keystoreLatency = try container.decodeIfPresent(Int.self, forKey: .keystoreLatency)
        keystoreUnreachable = try container.decodeIfPresent(Bool.self, forKey: .keystoreUnreachable) ?? false
    }

    private enum CodingKeys: String, CodingKey {
        case version
        case operatingSystem = "os"
        case architecture = "arch"
        case uptime
        case processors = "num_cpu"
        case processorsUsed = "num_cpu_used"
        case heapUsed = "mem_heap_used"
        case stackUsed = "mem_stack_used"
        case keystoreLatency = "keystore_latency"
        case keystoreUnreachable = "keystore_unreachable"
    }
}

/// One call that a server has.
public struct APIDescription: Sendable, Equatable, Decodable {
    public let method: String
    public let path: String
    /// The largest request body, in bytes.
    public let maximumBody: Int
    /// In seconds; 0 for none.
    public let timeout: Int

    private enum CodingKeys: String, CodingKey {
        case method
        case path
        case maximumBody = "max_body"
        case timeout
    }
}

extension KESClient {
    /// The server's version. It needs no permission.
    public func version() async throws(KESError) -> ServerVersion {
        try JSONReply.decode(ServerVersion.self, from: try await get(RequestPath("/version")))
    }

    /// Returns when the server is ready to serve keys; else throws `KESError.server`. The first answer counts.
    public func ready() async throws(KESError) {
        let path = RequestPath("/v1/ready")
        _ = try await transport.send(
            Transport.Request(method: .GET, path: path.encoded, repeatable: true, answerStands: true))
    }

    /// How the server and its keystore are.
    public func status() async throws(KESError) -> ServerStatus {
        try JSONReply.decode(ServerStatus.self, from: try await get(RequestPath("/v1/status")))
    }

    /// The calls that the server has, sorted by path.
    public func apis() async throws(KESError) -> [APIDescription] {
        try JSONReply.decode([APIDescription].self, from: try await get(RequestPath("/v1/api")))
    }

    /// The server's metrics in the text format of Prometheus, version 0.0.4.
    public func metrics() async throws(KESError) -> String {
        let reply = try await get(RequestPath("/v1/metrics"))
        return reply.body.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}
