extension Base64 {
    /// The 16 characters for the first 6 bytes in memory order of `low` and of `high`.
    @inline(__always)
    static func characters(_ low: UInt64, _ high: UInt64) -> SIMD16<UInt8> {
        let sextets = unsafeBitCast(SIMD2(spread(low), spread(high)), to: SIMD16<UInt8>.self)
        // What to add to a value so that it becomes its character: five runs of the alphabet, RFC 4648, table 1.
        var offset = SIMD16<UInt8>(repeating: UInt8(ascii: "A"))
        offset.replace(with: UInt8(ascii: "a") - 26, where: sextets .> 25)
        offset.replace(with: 0 &- 4, where: sextets .> 51)
        offset.replace(with: 0 &- 19, where: sextets .> 61)
        offset.replace(with: 0 &- 16, where: sextets .> 62)
        return sextets &+ offset
    }

    /// The 12 bytes that 16 characters stand for, 6 each in memory order at the start of `low` and of `high`, and whether
    /// all of them belong to the alphabet.
    @inline(__always)
    static func values(_ characters: SIMD16<UInt8>) -> (low: UInt64, high: UInt64, valid: Bool) {
        // What to add to a character so that it becomes its value. Zero is not among them and marks the others.
        var offset = SIMD16<UInt8>(repeating: 0)
        offset.replace(with: 0 &- 65, where: (characters &- UInt8(ascii: "A")) .< 26)
        offset.replace(with: 0 &- 71, where: (characters &- UInt8(ascii: "a")) .< 26)
        offset.replace(with: 4, where: (characters &- UInt8(ascii: "0")) .< 10)
        offset.replace(with: 19, where: characters .== UInt8(ascii: "+"))
        offset.replace(with: 16, where: characters .== UInt8(ascii: "/"))
        let sextets = unsafeBitCast(characters &+ offset, to: SIMD2<UInt64>.self)
        return (gather(sextets[0]), gather(sextets[1]), !any(offset .== 0))
    }

    /// Spreads the first 6 bytes in memory order over 8 bytes of 6 bits each, in memory order.
    @inline(__always)
    private static func spread(_ bytes: UInt64) -> UInt64 {
        let bits = UInt64(bigEndian: bytes) >> 16
        let triplets = bits >> 24 | (bits & 0xff_ffff) << 32
        let pairs = (triplets >> 12) & 0x0000_0fff_0000_0fff | (triplets & 0x0000_0fff_0000_0fff) << 16
        return ((pairs >> 6) & 0x003f_003f_003f_003f | (pairs & 0x003f_003f_003f_003f) << 8).littleEndian
    }

    /// The reverse of `spread`; the last 2 bytes are zero.
    @inline(__always)
    private static func gather(_ sextets: UInt64) -> UInt64 {
        let values = UInt64(littleEndian: sextets)
        let pairs = (values & 0x003f_003f_003f_003f) << 6 | (values >> 8) & 0x003f_003f_003f_003f
        let triplets = (pairs & 0x0000_0fff_0000_0fff) << 12 | (pairs >> 16) & 0x0000_0fff_0000_0fff
        return ((triplets & 0xff_ffff) << 40 | (triplets >> 32) << 16).bigEndian
    }
}
