import Glibc

/// IP addresses as text.
package enum IPAddress {
    /// The 4 bytes of an IPv4 address or the 16 of an IPv6 address, in network order; nil when `text` is neither. Without a port or brackets.
    package static func bytes(_ text: String) -> [UInt8]? {
        // What a C function would take for the end of the text.
        guard !text.utf8.contains(0) else { return nil }
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
