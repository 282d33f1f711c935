/// Why a request target names no path.
package enum RequestPathRejection: Error, Equatable, Sendable {
    /// The target is malformed: HTTP 400.
    case malformed(String)
    /// The target is well formed, but by the rules of this server it can name nothing: HTTP 404.
    case namesNothing

    /// The message for the client.
    package var message: String {
        switch self {
        case .malformed(let reason): "invalid request path: \(reason)"
        case .namesNothing: "not found"
        }
    }
}

/// The path of a request target (RFC 9112, section 3.2), percent-decoded exactly once.
///
/// Policies and routes look at the result and at nothing else, so that no request reaches a resource that its path did not
/// name: a path with `.`, `..` or empty segments or with an encoded slash is refused, not cleaned. Only the last segment may
/// be empty, which is how `/v1/key/list/` asks for all keys.
package enum RequestPath {
    /// Returns the decoded path of `target`, without its query. A plain path is returned as it is, without a copy.
    package static func decode(_ target: String) throws(RequestPathRejection) -> String {
        // A native string has contiguous storage; any other (there are none on Linux) is read by way of a copy.
        let scan =
            target.utf8.withContiguousStorageIfAvailable { Scan($0) }
            ?? Array(target.utf8).withUnsafeBufferPointer { Scan($0) }
        if let rejection = scan.rejection { throw rejection }
        let path = target.utf8.dropFirst(scan.start).prefix(scan.end - scan.start)
        guard scan.isEncoded else {
            return path.count == target.utf8.count ? target : String(Substring(path))
        }
        return try percentDecode(path)
    }

    private static func percentDecode(_ path: Substring.UTF8View) throws(RequestPathRejection) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(path.count)
        var rest = path
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimalValue), let low = rest.popFirst().flatMap(hexadecimalValue) else {
                throw .malformed("% is not followed by two hexadecimal digits")
            }
            let value = high << 4 | low
            // Decoded, it would become a border between segments that the target does not have.
            guard value != UInt8(ascii: "/") else { throw .namesNothing }
            guard !isControl(value) else { throw .malformed("it contains a control character") }
            decoded.append(value)
        }
        guard !decoded.withUnsafeBufferPointer({ hasForbiddenSegment($0[...]) }) else { throw .namesNothing }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .malformed("it is not UTF-8") }
        return text
    }

    private static func hexadecimalValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    fileprivate static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }

    /// Whether a segment is `.` or `..`, or empty and not the last. `path` starts with `/`.
    fileprivate static func hasForbiddenSegment(_ path: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let slash = UInt8(ascii: "/")
        let dot = UInt8(ascii: ".")
        var index = path.startIndex
        while index < path.endIndex {
            guard path[index] == slash else {
                index += 1
                continue
            }
            index += 1
            var end = index
            while end < path.endIndex, end - index < 2, path[end] == dot { end += 1 }
            if end == path.endIndex {
                if end != index { return true }
            } else if path[end] == slash {
                return true
            }
        }
        return false
    }
}

/// What one pass over a request target finds.
private struct Scan {
    /// Where the path is in the target, in bytes.
    var start = 0
    var end = 0
    /// Whether the path contains a `%`.
    var isEncoded = false
    var rejection: RequestPathRejection?

    init(_ target: UnsafeBufferPointer<UInt8>) {
        guard let start = Self.pathStart(target) else {
            rejection = .malformed("it does not start with /")
            return
        }
        self.start = start
        end = target.count
        // The path of an absolute URI without one is `/`, which no route has.
        guard start < target.count, target[start] != UInt8(ascii: "?") else {
            rejection = .namesNothing
            return
        }
        for index in start..<target.count {
            let byte = target[index]
            if byte == UInt8(ascii: "?") {
                end = index
                break
            }
            if byte == UInt8(ascii: "%") { isEncoded = true }
            if byte <= 0x20 || byte == 0x7f || byte == UInt8(ascii: "#") {
                rejection = .malformed("it contains a character that must be percent-encoded")
                return
            }
        }
        if RequestPath.hasForbiddenSegment(target[start..<end]) { rejection = .namesNothing }
    }

    /// Where the path starts: at once (origin-form), or after the authority of an `http` or `https` URI (absolute-form, which
    /// RFC 9112, section 3.2.2, obliges every server to accept). nil for any other target.
    private static func pathStart(_ target: UnsafeBufferPointer<UInt8>) -> Int? {
        if target.first == UInt8(ascii: "/") { return 0 }
        for prefix in ["http://".utf8, "https://".utf8] {
            // Setting bit 5 makes ASCII letters lower case, and keeps `:` and `/` what they are.
            guard target.count > prefix.count, zip(target, prefix).allSatisfy({ $0 | 0x20 == $1 }) else { continue }
            return target[prefix.count...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.count
        }
        return nil
    }
}
