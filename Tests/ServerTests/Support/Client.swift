import Credentials
import KESClient
import TestSupport

extension ServerProcess {
    /// Lends a client with the API key of `owner` to `body` and closes its connections.
    func withClient<R>(
        _ owner: Deployment.Client, version: HTTPVersionPreference = .automatic, _ body: (KESClient) async throws -> R
    ) async throws -> R {
        let client = try KESClient(
            endpoints: [Endpoint(endpoint)], credential: .apiKey(APIKey(owner.apiKey)),
            trust: .certificateFile(deployment.serverCertificate), version: version)
        return try await client.closing(body)
    }
}

/// The status and the message of the server's answer to a call that it refused; nil when it did not.
func refusal<R>(_ call: () async throws -> R) async throws -> Refusal? {
    do {
        _ = try await call()
        return nil
    } catch KESError.server(let status, let message) {
        return Refusal(status: status, message: message)
    }
}

struct Refusal: Equatable {
    var status: Int
    var message: String
}

/// The text of a string member of a JSON object whose values need no escapes.
func member(_ name: String, of json: String) -> String? {
    guard let start = json.firstRange(of: "\"\(name)\":\"")?.upperBound else { return nil }
    return String(json[start...].prefix { $0 != "\"" })
}
