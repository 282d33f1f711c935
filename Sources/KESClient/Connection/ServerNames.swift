import Credentials

/// Whether a certificate is made out for the name or address that was called (RFC 9525, section 6).
///
/// NIOSSL asks less: for a name it also takes a certificate for the address that the name was resolved to, so that whoever answers
/// for the DNS and has any certificate of a trusted authority for an address of his own could pass for every server.
package enum ServerNames {
    /// - Parameter host: a DNS name or an IP address, without brackets.
    package static func match(_ host: String, _ certificate: CertificateDescription) -> Bool {
        if let address = IPAddress.bytes(host) {
            return certificate.ipAddresses.contains { IPAddress.bytes($0) == address }
        }
        let name = labels(host)
        return certificate.dnsNames.contains { match(name, labels($0)) }
    }

    private static func match(_ name: [Substring.UTF8View], _ pattern: [Substring.UTF8View]) -> Bool {
        guard name.count == pattern.count, !name.isEmpty, name.allSatisfy({ !$0.isEmpty }) else { return false }
        // A star stands for the whole first label, below a domain of at least two (RFC 9525, section 6.3).
        let isWildcard = pattern.count > 2 && pattern[0].elementsEqual("*".utf8)
        return zip(name, pattern).dropFirst(isWildcard ? 1 : 0).allSatisfy { equal($0, $1) }
    }

    // Without the dot of the root; DNS names compare without regard to the case of ASCII letters (RFC 4343).
    private static func labels(_ name: String) -> [Substring.UTF8View] {
        (name.hasSuffix(".") ? name.dropLast() : name[...]).utf8.split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    }

    private static func equal(_ left: Substring.UTF8View, _ right: Substring.UTF8View) -> Bool {
        func folded(_ byte: UInt8) -> UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte }
        return left.elementsEqual(right) { folded($0) == folded($1) }
    }
}
