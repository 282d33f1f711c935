import Credentials
import NIOCore

/// Who asks, once that is known.
struct Caller {
    var identity: Identity
    var isAdmin: Bool
}

/// One request on its way through the server, from its head to its answer.
struct Exchange {
    /// What was decided from the head alone.
    enum Admission {
        case accepted(Route)
        /// Answered without reading the body.
        case rejected(Response)
    }

    var admission: Admission
    /// The decoded path, or the target as sent when that is not a proper path. For the audit log.
    var path: String
    /// Where the route's own part of the path ends, in UTF-8 bytes.
    var argumentOffset: Int
    /// Whether the method is HEAD, whose answer has no body (RFC 9110, section 9.3.2).
    var isHead: Bool
    var identity: Identity?
    var isAdmin: Bool
    /// The client's address, as far as it can be believed.
    var address: String
    var start: NIODeadline
    var deadline: NIODeadline?
    /// The route's place in the table, by which the exchange is counted.
    var row = LoopFigures.rowOfOthers

    /// How many bytes of body are read at most.
    var bodyLimit: Int {
        switch admission {
        case .accepted(let route): route.maxBody
        case .rejected: 0
        }
    }
}
