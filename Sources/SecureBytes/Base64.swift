/// Standard base64 with padding (RFC 4648, section 4) over raw buffers, so that secrets need not pass through a `String`.
///
/// Both directions work on 8 characters at a time with arithmetic only: no table is read and no branch is taken that
/// depends on the bytes, so that a secret does not show in what the processor caches.
///
/// Existing clients are written in Go, and everything that Go's `StdEncoding` takes is taken: carriage returns and line
/// feeds anywhere are skipped, and the unused bits of the last character may be other than zero. Neither does harm here,
/// where what is decoded is authenticated or opaque, and never compared in its encoded form.
package enum Base64 {
    /// The number of characters that `count` bytes take.
    package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// A number of bytes that is enough for what `count` characters decode to.
    package static func decodedCapacity(_ count: Int) -> Int { count / 4 * 3 }

    private static let padding = UInt8(ascii: "=")

    /// Encodes `bytes` into the start of `output`, which must hold at least `encodedCount(bytes.count)` bytes.
    ///
    /// - Returns: the number of characters written.
    @discardableResult
    package static func encode(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        let count = encodedCount(bytes.count)
        precondition(output.count >= count, "the output buffer is too small for the base64 text")
        // Not nil: an empty buffer returns here, and any other has an address.
        guard let source = bytes.baseAddress, let target = output.baseAddress, count > 0 else { return 0 }

        var read = 0
        var written = 0
        // Each load takes 8 bytes, of which 6 are used.
        while bytes.count - read >= 8 {
            let block = source.loadUnaligned(fromByteOffset: read, as: UInt64.self)
            target.storeBytes(of: characters(block), toByteOffset: written, as: UInt64.self)
            read += 6
            written += 8
        }
        while read < bytes.count {
            let taken = min(6, bytes.count - read)
            let text = characters(word(source + read, count: taken, filler: 0))
            let length = encodedCount(taken)
            store(text, count: length, at: target + written)
            if taken % 3 > 0 { output[written + length - 1] = padding }
            if taken % 3 == 1 { output[written + length - 2] = padding }
            read += taken
            written += length
        }
        return count
    }

    /// Decodes `text` into the start of `output`, which must hold at least `decodedCapacity(text.count)` bytes.
    ///
    /// - Returns: the number of bytes written, or nil when `text` is not base64; what `output` holds then means nothing.
    package static func decode(_ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        if let count = decodeUnbroken(text, into: output) { return count }
        return withoutLineBreaks(text)?.withUnsafeBytes { decodeUnbroken($0, into: output) }
    }

    /// Decodes `text`, or returns nil when it is not base64.
    package static func decodeSecret(_ text: UnsafeRawBufferPointer) -> SecretBytes? {
        if let secret = decodeSecretUnbroken(text) { return secret }
        return withoutLineBreaks(text)?.withUnsafeBytes { decodeSecretUnbroken($0) }
    }

    private static func decodeSecretUnbroken(_ text: UnsafeRawBufferPointer) -> SecretBytes? {
        guard let count = decodedCount(text) else { return nil }
        guard count > 0 else { return .empty }
        var isValid = false
        let secret = SecretBytes(count: count) { isValid = decodeUnbroken(text, into: $0) != nil }
        return isValid ? secret : nil
    }

    /// A copy of `text` without carriage returns and line feeds, or nil when it has none.
    private static func withoutLineBreaks(_ text: UnsafeRawBufferPointer) -> SecretBytes? {
        func isLineBreak(_ character: UInt8) -> Bool { character == 0x0a || character == 0x0d }
        let breaks = text.count(where: isLineBreak)
        guard breaks > 0 else { return nil }
        return SecretBytes(count: text.count - breaks) { copy in
            var index = 0
            for character in text where !isLineBreak(character) {
                copy[index] = character
                index += 1
            }
        }
    }

    /// How many bytes `text` stands for if it is base64 without line breaks.
    private static func decodedCount(_ text: UnsafeRawBufferPointer) -> Int? {
        guard text.count % 4 == 0 else { return nil }
        guard text.count > 0, text[text.count - 1] == padding else { return text.count / 4 * 3 }
        return text.count / 4 * 3 - (text[text.count - 2] == padding ? 2 : 1)
    }

    private static func decodeUnbroken(_ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        guard let count = decodedCount(text) else { return nil }
        precondition(output.count >= count, "the output buffer is too small for the decoded bytes")
        guard count > 0 else { return 0 }
        // Not nil: neither buffer is empty.
        guard let source = text.baseAddress, let target = output.baseAddress else { return nil }

        var read = 0
        var written = 0
        // Not zero once a character was outside of the alphabet.
        var invalid: UInt64 = 0
        // Each store writes 8 bytes, of which the last 2 are overwritten by the next block.
        while count - written >= 8 {
            let block = values(source.loadUnaligned(fromByteOffset: read, as: UInt64.self))
            target.storeBytes(of: block.bytes, toByteOffset: written, as: UInt64.self)
            invalid |= block.invalid
            read += 8
            written += 6
        }
        let characterCount = text.count - (count % 3 == 0 ? 0 : 3 - count % 3)
        while written < count {
            let taken = min(8, characterCount - read)
            // "A" stands for six zero bits.
            let block = values(word(source + read, count: taken, filler: UInt8(ascii: "A")))
            invalid |= block.invalid
            store(block.bytes, count: min(6, count - written), at: target + written)
            read += taken
            written += 6
        }
        return invalid == 0 ? count : nil
    }

    // MARK: Parts of words

    /// `count` bytes, at most 8, with `filler` behind them, in memory order.
    private static func word(_ bytes: UnsafeRawPointer, count: Int, filler: UInt8) -> UInt64 {
        var word = 0x0101_0101_0101_0101 &* UInt64(filler)
        withUnsafeMutableBytes(of: &word) { $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count)) }
        return word
    }

    /// Writes the first `count` bytes of `word`, at most 8, in memory order.
    private static func store(_ word: UInt64, count: Int, at target: UnsafeMutableRawPointer) {
        withUnsafeBytes(of: word) { word in
            UnsafeMutableRawBufferPointer(start: target, count: count).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: word[..<count]))
        }
    }
}
