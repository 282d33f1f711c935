/// Standard base64 with padding (RFC 4648, section 4) over raw buffers, so that secrets need not pass through a `String`.
///
/// Both directions work on 16 characters at a time with arithmetic only: no table is read and no branch is taken that
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
        // Two loads of 8 bytes cover 14, of which 12 are used.
        while bytes.count - read >= 14 {
            let low = source.loadUnaligned(fromByteOffset: read, as: UInt64.self)
            let high = source.loadUnaligned(fromByteOffset: read + 6, as: UInt64.self)
            target.storeBytes(of: characters(low, high), toByteOffset: written, as: SIMD16<UInt8>.self)
            read += 12
            written += 16
        }
        while read < bytes.count {
            let taken = min(12, bytes.count - read)
            var block = SIMD16<UInt8>()
            var text = withUnsafeMutableBytes(of: &block) { block in
                block.copyMemory(from: UnsafeRawBufferPointer(start: source + read, count: taken))
                return characters(
                    block.loadUnaligned(as: UInt64.self), block.loadUnaligned(fromByteOffset: 6, as: UInt64.self))
            }
            let length = encodedCount(taken)
            if taken % 3 > 0 { text[length - 1] = padding }
            if taken % 3 == 1 { text[length - 2] = padding }
            withUnsafeBytes(of: &text) { (target + written).copyMemory(from: $0.baseAddress!, byteCount: length) }
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
        var isValid = true
        // Two stores of 8 bytes cover 14, of which the last 2 are overwritten by the next block.
        while count - written >= 14 {
            let (low, high, valid) = values(source.loadUnaligned(fromByteOffset: read, as: SIMD16<UInt8>.self))
            target.storeBytes(of: low, toByteOffset: written, as: UInt64.self)
            target.storeBytes(of: high, toByteOffset: written + 6, as: UInt64.self)
            isValid = isValid && valid
            read += 16
            written += 12
        }
        let characterCount = count / 3 * 4 + (count % 3 == 0 ? 0 : count % 3 + 1)
        while written < count {
            let taken = min(16, characterCount - read)
            // "A" stands for six zero bits.
            var block = SIMD16<UInt8>(repeating: UInt8(ascii: "A"))
            withUnsafeMutableBytes(of: &block) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: source + read, count: taken))
            }
            let (low, high, valid) = values(block)
            isValid = isValid && valid
            let length = min(12, count - written)
            withUnsafeBytes(of: low) { (target + written).copyMemory(from: $0.baseAddress!, byteCount: min(6, length)) }
            if length > 6 {
                withUnsafeBytes(of: high) { (target + written + 6).copyMemory(from: $0.baseAddress!, byteCount: length - 6) }
            }
            read += taken
            written += length
        }
        return isValid ? count : nil
    }
}
