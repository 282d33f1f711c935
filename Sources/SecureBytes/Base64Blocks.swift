/// The alphabet of base64 (RFC 4648, table 1) on 8 characters at once, each in a byte of a word.
///
/// A byte never carries into its neighbour here: what is added to or taken from each keeps it between 0 and 255.
extension Base64 {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// 1 in each byte where `bytes`, all of them below 0x80, has `limit` or more, and 0 in the others.
    @inline(__always)
    private static func atLeast(_ limit: UInt8, _ bytes: UInt64) -> UInt64 {
        ((bytes &+ ones &* UInt64(0x80 - limit)) & highs) >> 7
    }

    /// The 8 characters for the first 6 bytes of `bytes` in memory order.
    @inline(__always)
    static func characters(_ bytes: UInt64) -> UInt64 {
        let sextets = spread(bytes)
        // From run to run of the alphabet: A–Z, a–z, 0–9, "+", "/".
        return sextets &+ ones &* 65 &+ atLeast(26, sextets) &* 6 &- atLeast(52, sextets) &* 75 &- atLeast(62, sextets) &* 15
            &+ atLeast(63, sextets) &* 3
    }

    /// The 6 bytes, first in memory order, that 8 characters stand for, and a word that is zero if all of them belong to the
    /// alphabet.
    @inline(__always)
    static func values(_ characters: UInt64) -> (bytes: UInt64, invalid: UInt64) {
        let ascii = characters & ~highs
        let (fromZero, fromUpper, fromLower) = (atLeast(48, ascii), atLeast(65, ascii), atLeast(97, ascii))
        let plus = atLeast(43, ascii) ^ atLeast(44, ascii)
        let slash = atLeast(47, ascii) ^ fromZero
        let digit = fromZero ^ atLeast(58, ascii)
        let upper = fromUpper ^ atLeast(91, ascii)
        let lower = fromLower ^ atLeast(123, ascii)
        let sextets = ascii &+ plus &* 19 &+ slash &* 16 &+ digit &* 4 &- upper &* 65 &- lower &* 71
        return (gather(sextets), (characters & highs) | ((plus | slash | digit | upper | lower) ^ ones))
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
