import PluginKit

/// A check sum that is stored with each value, because SQLite has none: a bit that turns over in a value would else make another key
/// of it, under which the server would encrypt without noticing.
///
/// CRC-32C (RFC 3720, appendix B.4), of the name, a zero and the value. It finds up to five wrong bits in 655 bytes, which is more than
/// a stored key has, and up to three in any value (P. Koopman, "32-Bit Cyclic Redundancy Codes for Internet Applications", 2002). It
/// protects from failures of a disk, not from somebody who may write to the file.
enum Checksum {
    /// The remainders of all bytes by the polynomial 0x1EDC6F41, bits reversed.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { remainder, _ in remainder & 1 == 0 ? remainder >> 1 : remainder >> 1 ^ 0x82F6_3B78 }
    }

    static func of(_ name: KeyName, _ value: UnsafeRawBufferPointer) -> UInt32 {
        var remainder = UInt32.max
        func add(_ byte: UInt8) { remainder = remainder >> 8 ^ table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)] }
        for byte in name.text.utf8 { add(byte) }
        add(0)
        for byte in value { add(byte) }
        return ~remainder
    }
}
