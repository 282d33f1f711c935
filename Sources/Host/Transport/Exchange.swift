import Credentials
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
    /// The decoded path, or the target as sent when that is not a proper path. For the audit log.
    var path: String
    /// Where the route's own part of the path ends, in UTF-8 bytes.
    var argumentOffset = 0
    /// Whether the method is HEAD, whose answer has no body (RFC 9110, section 9.3.2).
    let isHead: Bool
    var identity: Identity?
    var isAdmin = false
    /// The client's address, as far as it can be believed.
    var address: String
    let start: NIODeadline
    var deadline: NIODeadline?
    /// The route's place in the table, by which the exchange is counted.
    var row = LoopFigures.rowOfOthers

    /// - Parameter admission: What is decided so far.
    init(_ head: RequestHead, from address: String, _ admission: Admission) {
        self.admission = admission
        path = head.target
        isHead = head.method == "HEAD"
        self.address = address
        start = .now()
    }

    func decide(_ admission: Admission) {
        self.admission = admission
    }

    /// How many bytes of body are read at most.
    var bodyLimit: Int {
        switch admission {
        case .accepted(let route): route.maxBody
        case .rejected: 0
        }
    }
}
