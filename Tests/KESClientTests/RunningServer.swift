import Credentials
import KESClient
import SecureBytes
import TestSupport

/// A server with keys in memory, and clients of it.
struct RunningServer {
    let process: ServerProcess

    /// - Parameter certificate: what the server's certificate says, when it is not what all tests' servers' say.
    init(allow: [String] = ["/v1/*"], certificate: CertificateTemplate? = nil) throws {
        let deployment = try Deployment()
        if let certificate {
            let key = try PrivateKey(generating: .ecdsaP256)
            try deployment.directory.write(SelfSignedCertificate(certificate, key: key).pem, to: "server.crt")
            try key.pem().withUnsafeBytes { _ = try deployment.directory.write([UInt8]($0), to: "server.key") }
        }
        try deployment.configure(keystore: "mem: {}", allow: allow)
        process = try ServerProcess(deployment)
    }

    var deployment: Deployment { process.deployment }
    var endpoint: Endpoint { get throws { try Endpoint(process.endpoint) } }

    /// Lends a client with the API key of `owner` to `body`.
    func withClient<R>(
        _ owner: Deployment.Client? = nil, version: HTTPVersionPreference = .automatic, _ body: (KESClient) async throws -> R
    ) async throws -> R {
        let client = try KESClient(
            endpoints: [endpoint], credential: .apiKey(APIKey((owner ?? deployment.admin).apiKey)),
            trust: .certificateFile(deployment.serverCertificate), version: version)
        return try await client.closing(body)
    }
}

/// What a call failed with; nil when it did not.
func failure<R>(_ call: () async throws -> R) async -> KESError? {
    do {
        _ = try await call()
        return nil
    } catch {
        return error as? KESError
    }
}

/// What is wrong with the certificate of the server at `endpoint`, if that is what the call failed with.
func untrusted(_ error: KESError?, _ endpoint: Endpoint) -> ServerCertificateProblem? {
    if case .untrustedServer(endpoint, let problem) = error { problem } else { nil }
}

func secret(_ bytes: some Sequence<UInt8>) -> SecretBytes {
    Array(bytes).withUnsafeBytes { SecretBytes(copying: $0) }
}

extension SecretBytes {
    var array: [UInt8] { withUnsafeBytes { Array($0) } }
}
