import Credentials
import NIOHTTP1
import SecureBytes

/// A client of a KES server.
///
/// It keeps its connections, so that one client serves all calls of a program, from any task. When several endpoints are
/// given, each call goes to the one that answered last, and to the next when it cannot be reached. What is tried again, and when, is said
/// by ``RetryPolicy``: a call that must not happen twice is sent again only when it is certain that the first one was not carried out.
///
/// Names go into the request path percent-encoded: a name never becomes another path. Plaintexts come and go as
/// `SecretBytes`, which are wiped; the buffers of the TLS and HTTP libraries on the way are not.
public final class KESClient: Sendable {
    let transport: Transport

    /// Where the servers listen.
    public var endpoints: [Endpoint] { transport.endpoints }

    /// Makes a client. It connects when the first call needs it.
    ///
    /// - Parameters:
    ///   - endpoints: tried in turn; at least one.
    ///   - credential: who the client is.
    ///   - trust: which certificates of servers are believed.
    ///   - timeout: how long one request to one endpoint may take, connecting included.
    ///   - retries: what happens after that.
    ///   - version: which HTTP is offered to the server.
    /// - Throws: `KESError.invalidCredential` when a file cannot be used, `invalidEndpoint` when there is no endpoint.
    public init(
        endpoints: [Endpoint], credential: ClientCredential, trust: ServerTrust = .system, timeout: Duration = .seconds(30),
        retries: RetryPolicy = .standard, version: HTTPVersionPreference = .automatic
    ) throws(KESError) {
        transport = try Transport(
            endpoints: endpoints, credential: credential, trust: trust, timeout: timeout, retries: retries, version: version)
    }

    /// Closes the connections. Calls that are under way end with an error, and calls after it with `KESError.clientShutDown`.
    public func shutdown() async {
        await transport.shutdown()
    }

    /// Lends the client to `body`, and closes its connections when `body` returns or throws.
    public func closing<R>(
        isolation: isolated (any Actor)? = #isolation, _ body: (KESClient) async throws -> R
    ) async rethrows -> R {
        do {
            let result = try await body(self)
            await shutdown()
            return result
        } catch {
            await shutdown()
            throw error
        }
    }

    // MARK: - For the groups of calls

    /// A request without side effects.
    func get(_ path: RequestPath) async throws(KESError) -> Transport.Reply {
        try await transport.send(Transport.Request(method: .GET, path: path.encoded, repeatable: true))
    }

    /// - Parameter repeatable: whether carrying it out twice does no harm and gets the same answer.
    func put(_ path: RequestPath, _ body: SecretBytes? = nil, repeatable: Bool) async throws(KESError) -> Transport.Reply {
        try await transport.send(Transport.Request(method: .PUT, path: path.encoded, body: body, repeatable: repeatable))
    }

    func delete(_ path: RequestPath) async throws(KESError) {
        // Not repeatable: the second request would be told that there is nothing of that name.
        _ = try await transport.send(Transport.Request(method: .DELETE, path: path.encoded, repeatable: false))
    }
}

/// The path of a call and, as its last segment, the name that it is about.
package struct RequestPath {
    package let encoded: String

    package init(_ fixed: StaticString, _ name: String? = nil) {
        guard let name else {
            encoded = "\(fixed)"
            return
        }
        var path = "\(fixed)"
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "*"), UInt8(ascii: "@"):
                path.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                // The dot too, although RFC 3986 does not ask for it: `..` must never become another path.
                let digits = String(byte, radix: 16, uppercase: true)
                path += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        encoded = path
    }
}
