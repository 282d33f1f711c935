import Credentials
import NIOCore
import NIOSSL

/// One client connection, as the rooms behind the codecs see it. Belongs to its event loop.
final class Connection {
    /// Who the client's certificates say it is. Found once, at the end of the handshake.
    enum Client {
        case withoutCertificate
        /// A certificate with this subject that is an authority's, and so nobody's identity.
        case authority(subject: String)
        case identified(Identity)
        /// More than one certificate that could be an identity.
        case ambiguous
    }

    /// The client's IP address, without a port.
    let address: String
    private(set) var client = Client.withoutCertificate
    /// Whether a log that was followed here was not read.
    var wasCutOff = false
    /// Reads and writes the protocol that is spoken on the connection; takes what the clock and the operator demand.
    ///
    /// Drivers hold their connection, as `tls` does by its pipeline, so these are given up when the connection ends, or all would stay for
    /// ever.
    private(set) var driver: (any ConnectionDriver)?
    private var tls: NIOSSLServerHandler?

    init(address: String, driver: any ConnectionDriver) {
        self.address = address
        self.driver = driver
    }

    /// The handshake is over.
    func begin(as client: Client, over tls: NIOSSLServerHandler) {
        self.client = client
        self.tls = tls
    }

    /// The client's certificate in DER, as long as the connection is open.
    var certificate: [UInt8]? { try? tls?.peerCertificate?.toDERBytes() }

    /// The protocol was agreed on.
    func hand(to driver: any ConnectionDriver) {
        self.driver = driver
    }

    /// The connection is closed.
    func ended() {
        driver = nil
        tls = nil
    }
}

/// What speaks a protocol on a connection. Called on the connection's event loop.
protocol ConnectionDriver: AnyObject {
    /// Called about once a second: ends what has taken too long.
    func checkDeadlines(now: NIODeadline)
    /// Finishes the requests in flight, accepts no further one, and closes the connection unless a log is followed on it.
    func drain()
    /// Ends the answers that are logs, after what there is to say.
    func endFollowing()
    /// Whether a log is followed.
    var isFollowing: Bool { get }
    /// Whether a log is followed, and there is nothing else to answer.
    var isOnlyFollowing: Bool { get }
    /// What is spoken, for the metrics.
    var spoken: ConnectionProtocol { get }
    /// Requests that are not answered yet.
    var activeRequests: Int { get }
}

/// What is spoken on a connection.
enum ConnectionProtocol: String, Sendable, CaseIterable {
    /// TLS, which has not agreed on one of the others yet.
    case handshake
    case http1
    case http2
}

/// How long a client may take. RFC 9110 leaves these to the server.
package struct TransportLimits: Sendable {
    /// A TLS handshake.
    package var handshake: TimeAmount = .seconds(10)
    /// From the first byte of a request to the last of its head.
    package var requestHead: TimeAmount = .seconds(5)
    /// A connection without a request.
    package var idle: TimeAmount = .seconds(90)
    /// Bytes of all header fields of a request together, its target included.
    package var headerBytes = 16 * 1024
    /// Streams that a client may have open at once on an HTTP/2 connection.
    package var concurrentStreams = 250
    /// Bytes of bodies of requests on an HTTP/2 connection beyond which only the oldest goes on.
    package var bodyBytes = 16 << 20
    /// Bytes of answers on an HTTP/2 connection beyond which further requests wait until the client has taken some.
    package var unsentBytes = 8 << 20
    /// Requests of an HTTP/2 connection that the keystore works on at once, those among them that the client has given up. More wait: a
    /// client that resets its streams could else begin any number (CVE-2023-44487, CVE-2025-8671).
    package var concurrentCalls = 64
    /// Connections at once. More are closed as soon as they are accepted.
    package var connections = DescriptorLimit.connections

    package init() {}
}

extension Connection.Client {
    /// An authority's certificate; without a subject when that cannot be read.
    static func authority(_ certificate: CertificateDescription?) -> Connection.Client {
        // An authority of a client's own making has any subject that the client likes.
        .authority(subject: certificate?.shownSubject ?? "")
    }
}
