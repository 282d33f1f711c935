/// Where a server listens: a host name or IP address, and a port.
public struct Endpoint: Hashable, Sendable {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// 1 to 65535.
    public let port: Int

    /// Parses `HOST`, `HOST:PORT` or `https://HOST:PORT/`. An IPv6 address is written in brackets when a port follows.
    ///
    /// Without a port it is 443, as everywhere with HTTPS. Another scheme than `https` is an error: the protocol knows
    /// its clients by their TLS certificates.
    public init(_ text: String) throws(KESError) {
        var rest = Substring(text)
        if let separator = text.firstRange(of: "://") {
            guard text[..<separator.lowerBound].lowercased() == "https" else {
                throw .invalidEndpoint(text, reason: "only https is possible")
            }
            rest = text[separator.upperBound...]
        }
        while rest.last == "/" { rest.removeLast() }

        let host: Substring
        var portText: Substring?
        if rest.first == "[" {
            guard let bracket = rest.firstIndex(of: "]") else { throw .invalidEndpoint(text, reason: "a closing ] is missing") }
            host = rest[rest.index(after: rest.startIndex)..<bracket]
            let tail = rest[rest.index(after: bracket)...]
            guard tail.isEmpty || tail.first == ":" else { throw .invalidEndpoint(text, reason: "after ] comes only :PORT") }
            portText = tail.isEmpty ? nil : tail.dropFirst()
            guard host.contains(":") else { throw .invalidEndpoint(text, reason: "brackets are for IPv6 addresses only") }
        } else if rest.count(where: { $0 == ":" }) > 1 {
            host = rest  // An IPv6 address without brackets can have no port.
        } else if let colon = rest.firstIndex(of: ":") {
            host = rest[..<colon]
            portText = rest[rest.index(after: colon)...]
        } else {
            host = rest
        }

        guard !host.isEmpty, host.utf8.allSatisfy(Self.isHostCharacter) else {
            throw .invalidEndpoint(text, reason: "it has to be HOST:PORT")
        }
        if let portText {
            guard portText.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let port = Int(portText),
                (1...65535).contains(port)
            else { throw .invalidEndpoint(text, reason: "the port has to be a number from 1 to 65535") }
            self.port = port
        } else {
            self.port = 443
        }
        self.host = String(host)
    }

    // Letters, digits and what IPv6 addresses and host names use; nothing that would start a path, a query or user data.
    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"):
            true
        default:
            false
        }
    }

    /// Parses a comma-separated list; at least one endpoint has to be in it.
    public static func list(_ text: String) throws(KESError) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        for part in text.split(separator: ",") {
            let trimmed = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            guard !trimmed.isEmpty else { continue }
            endpoints.append(try Endpoint(String(trimmed)))
        }
        guard !endpoints.isEmpty else { throw .invalidEndpoint(text, reason: "it has to be HOST:PORT") }
        return endpoints
    }
}

extension Endpoint: CustomStringConvertible {
    /// `HOST:PORT`, with brackets around an IPv6 address.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
