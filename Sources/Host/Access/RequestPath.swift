import SecureBytes

/// Why a request target names no path.
package enum RequestPathRejection: Error, Equatable, Sendable {
    /// The target is malformed: HTTP 400.
    case malformed(String)
    /// The target is well formed, but by the rules of this server it can name nothing: HTTP 404.
    case namesNothing

    static let tooLong = RequestPathRejection.malformed("it is longer than \(RequestPath.maximumLength) bytes")

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
    /// The most bytes of a path, decoded: several times those of the longest that names something. The rules of a policy are tried on
    /// all of them.
    package static let maximumLength = 1024

    /// Returns the decoded path of `target`, without its query. A plain path is returned as it is, without a copy.
    package static func decode(_ target: String) throws(RequestPathRejection) -> String {
        // Native strings, which all strings on Linux are, lend their bytes: nothing is copied.
        var text = target
        let scan = text.withUTF8 { Scan($0) }
        switch scan.finding {
        case .plain where scan.end - scan.start > maximumLength: throw .tooLong
        case .plain where scan.start == 0 && scan.end == target.utf8.count: return target
        case .plain: return String(Substring(target.utf8.dropFirst(scan.start).prefix(scan.end - scan.start)))
        case .encoded: return try percentDecode(target.utf8.dropFirst(scan.start).prefix(scan.end - scan.start))
        case .notAPath: throw .malformed("it does not start with /")
        case .forbiddenCharacter: throw .malformed("it contains a character that must be percent-encoded")
        case .namesNothing: throw .namesNothing
        }
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
            guard let high = rest.popFirst().flatMap(Hexadecimal.value(ofDigit:)),
                let low = rest.popFirst().flatMap(Hexadecimal.value(ofDigit:))
            else {
                throw .malformed("% is not followed by two hexadecimal digits")
            }
            let value = high << 4 | low
            // Decoded, it would become a border between segments that the target does not have.
            guard value != UInt8(ascii: "/") else { throw .namesNothing }
            guard !isControl(value) else { throw .malformed("it contains a control character") }
            decoded.append(value)
        }
        guard decoded.count <= maximumLength else { throw .tooLong }
        guard !decoded.withUnsafeBufferPointer(hasForbiddenSegment) else { throw .namesNothing }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .malformed("it is not UTF-8") }
        return text
    }

    fileprivate static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }

    /// Whether a segment is `.` or `..`, or empty and not the last. `path` starts with `/`.
    private static func hasForbiddenSegment(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
        var start = 1
        for index in 1..<path.count where path[index] == UInt8(ascii: "/") {
            if index == start || isDotSegment(path, from: start, to: index) { return true }
            start = index + 1
        }
        return isDotSegment(path, from: start, to: path.count)
    }

    fileprivate static func isDotSegment(_ path: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) -> Bool {
        let dot = UInt8(ascii: ".")
        switch end - start {
        case 1: return path[start] == dot
        case 2: return path[start] == dot && path[start + 1] == dot
        default: return false
        }
    }
}

/// What one pass over a request target finds.
private struct Scan {
    enum Finding {
        /// The path is its own decoding.
        case plain
        /// The path contains a `%`.
        case encoded
        case notAPath
        case forbiddenCharacter
        case namesNothing
    }

    let finding: Finding
    /// Where the path is in the target, in bytes.
    let start: Int
    let end: Int

    init(_ target: UnsafeBufferPointer<UInt8>) {
        guard let start = Self.pathStart(target) else {
            self.init(.notAPath)
            return
        }
        // The path of an absolute URI without one is `/`, which no route has.
        guard start < target.count, target[start] == UInt8(ascii: "/") else {
            self.init(.namesNothing)
            return
        }
        var isEncoded = false
        var hasForbiddenSegment = false
        var segment = start + 1
        var index = segment
        while index < target.count {
            let byte = target[index]
            if byte == UInt8(ascii: "/") {
                if index == segment || RequestPath.isDotSegment(target, from: segment, to: index) { hasForbiddenSegment = true }
                segment = index + 1
            } else if byte == UInt8(ascii: "?") {
                break
            } else if byte == UInt8(ascii: "%") {
                isEncoded = true
            } else if byte <= 0x20 || byte == 0x7f || byte == UInt8(ascii: "#") {
                self.init(.forbiddenCharacter)
                return
            }
            index += 1
        }
        if hasForbiddenSegment || RequestPath.isDotSegment(target, from: segment, to: index) {
            self.init(.namesNothing)
        } else {
            self.init(isEncoded ? .encoded : .plain, start: start, end: index)
        }
    }

    private init(_ finding: Finding, start: Int = 0, end: Int = 0) {
        self.finding = finding
        self.start = start
        self.end = end
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
