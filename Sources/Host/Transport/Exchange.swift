import Credentials
import Glibc
import NIOCore

/// Who asks, once that is known.
struct Caller {
    var identity: Identity
    var isAdmin: Bool
}

/// One request on its way through the server, from its head to its answer. Belongs to its connection's event loop.
///
/// A class, because it goes through many hands: passing it on is one reference, where a structure would be a copy of all that is in it.
final class Exchange {
    /// What was decided from the head alone.
    enum Admission {
        case accepted(Route)
        /// Answered without reading the body.
        case rejected(Response)
    }

    private(set) var admission: Admission
    /// The method and the target, as sent.
    let method: String
    let target: String
    /// The decoded path, or the target as sent when that is not a proper path. For the audit log.
    var path: String
    /// Where the route's own part of the path ends, in UTF-8 bytes.
    var argumentOffset = 0
    /// Whether the method is HEAD, whose answer has no body (RFC 9110, section 9.3.2).
    let isHead: Bool
    var identity: Identity?
    /// The TLS proxy whose word it is that the client is `identity`, if it is not the connection's own.
    var proxy: Identity?
    /// The certificate of which the proxy has said so, in DER.
    var forwarded: [UInt8]?
    var isAdmin = false
    /// The client's address, as far as it can be believed.
    var address: String
    private(set) var start: NIODeadline
    var deadline: NIODeadline?
    /// The snapshot whose rules decided.
    private(set) var snapshot = 0
    /// Whether a request with the same head would be accepted in the same way under that snapshot.
    private var isRepeatable = false
    /// What the audit log says of the request, once it was written: the same for all requests with the same head.
    var audited: ByteBuffer?
    /// The route's place in the table, by which the exchange is counted.
    var row = LoopFigures.rowOfOthers

    /// - Parameter admission: What is decided so far.
    init(_ head: RequestHead, from address: String, _ admission: Admission) {
        self.admission = admission
        method = head.method
        target = head.target
        path = head.target
        isHead = head.method == "HEAD"
        self.address = address
        start = .now()
    }

    /// - Parameters:
    ///   - snapshot: The serial number of the rules.
    ///   - isRepeatable: Whether the decision comes from nothing but them, the head and the handshake.
    func decide(_ admission: Admission, under snapshot: Int, isRepeatable: Bool) {
        self.admission = admission
        self.snapshot = snapshot
        self.isRepeatable = isRepeatable
    }

    // MARK: - The same request again

    private init(repeating other: Exchange) {
        admission = other.admission
        method = other.method
        target = other.target
        path = other.path
        argumentOffset = other.argumentOffset
        isHead = other.isHead
        identity = other.identity
        isAdmin = other.isAdmin
        address = other.address
        row = other.row
        snapshot = other.snapshot
        isRepeatable = other.isRepeatable
        audited = other.audited
        start = .now()
    }

    /// Whether a request with this head, on the same connection, is accepted as this one was, and for the same reasons.
    func decides(_ head: RequestHead, under snapshot: Int) -> Bool {
        guard isRepeatable, self.snapshot == snapshot, case .accepted(let route) = admission else { return false }
        return Self.areSameBytes(head.target, target) && head.method == method && head.contentLength ?? 0 <= route.maxBody
    }

    /// Not `==`, which takes texts for equal that Unicode does: U+212A, the sign for Kelvin, is not K to a policy.
    private static func areSameBytes(_ one: String, _ other: String) -> Bool {
        guard one.utf8.count == other.utf8.count else { return false }
        // Native strings, which all strings on Linux are, lend their bytes: nothing is copied.
        var (one, other) = (one, other)
        return one.withUTF8 { one in
            other.withUTF8 { other in
                guard let first = one.baseAddress, let second = other.baseAddress else { return one.isEmpty && other.isEmpty }
                return memcmp(first, second, one.count) == 0
            }
        }
    }

    /// The exchange of a request that says the same as `last` and begins now: `last` itself if nobody else has it any more.
    ///
    /// - Returns: nil when it is to be decided anew: always when another snapshot is in force.
    static func again(_ last: inout Exchange, under snapshot: Int) -> Exchange? {
        guard last.isRepeatable, last.snapshot == snapshot, case .accepted(let route) = last.admission else { return nil }
        if isKnownUniquelyReferenced(&last) { last.start = .now() } else { last = Exchange(repeating: last) }
        last.deadline = route.timeout.map { last.start + $0 }
        return last
    }

    /// How many bytes of body are read at most.
    var bodyLimit: Int {
        switch admission {
        case .accepted(let route): route.maxBody
        case .rejected: 0
        }
    }
}
