import Glibc

extension ListenAddress {
    /// Where a server listens that is told nothing: every address, port 7373.
    package static let `default` = ListenAddress(host: "0.0.0.0", port: 7373)

    /// Why a text is no address to listen on.
    package enum Problem: Error, Equatable, Sendable {
        case noPort
        case badPort(String)
        case unbracketed
        case hostName(String)

        /// Follows "'address' is '…', ".
        package var message: String {
            switch self {
            case .noPort: "which has no port; write ip:port, such as 0.0.0.0:7373, or :port"
            case .badPort(let port): "whose port '\(port)' is not a number from 0 to 65535"
            case .unbracketed: "which is ambiguous; write an IPv6 address in brackets, such as [::1]:7373"
            case .hostName(let name):
                "whose '\(name)' is no IP address; write the address of a network interface, "
                    + "or 0.0.0.0 for all: what a host name stands for can change"
            }
        }
    }

    /// Parses `ip:port`, `[ipv6]:port`, `:port` (every address) and `localhost:port` (127.0.0.1).
    ///
    /// Other host names are refused: what they resolve to is for a name server to say, and a server that listens elsewhere than
    /// its operator believes is open to whom he did not mean. (`localhost` stands for the loopback interface by RFC 6761.)
    package init(parsing text: String) throws(Problem) {
        let bytes = text.utf8
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { throw .noPort }
        let hostPart = String(Substring(bytes[..<colon]))
        let portPart = String(Substring(bytes[bytes.index(after: colon)...]))
        var host = hostPart
        let isBracketed = hostPart.hasPrefix("[")
        if isBracketed {
            guard hostPart.hasSuffix("]") else { throw .noPort }
            host = String(hostPart.dropFirst().dropLast())
        } else if hostPart.utf8.contains(UInt8(ascii: ":")) {
            throw .unbracketed
        }
        guard (1...5).contains(portPart.utf8.count), portPart.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(portPart)
        else { throw .badPort(portPart) }
        switch host {
        case "" where !isBracketed: host = ""
        case "localhost" where !isBracketed: host = "127.0.0.1"
        default:
            var address = in6_addr()
            // `in6_addr` has room for either family's address, which is all that inet_pton writes.
            guard inet_pton(isBracketed ? AF_INET6 : AF_INET, host, &address) == 1 else { throw .hostName(host) }
        }
        self.init(host: host, port: Int(port))
    }
}
