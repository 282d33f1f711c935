/// Hexadecimal text: that of bytes, which is lower-case here with two digits for each, and single digits of either case.
package enum Hexadecimal {
    /// The digits of `bytes`.
    package static func text(of bytes: UnsafeRawBufferPointer) -> String {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
        return String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = digit(byte >> 4)
                text[2 * index + 1] = digit(byte & 0x0f)
            }
            return 2 * bytes.count
        }
    }

    /// Writes the bytes that `digits` stand for to `output`.
    ///
    /// - Returns: false when there are not exactly two digits for each byte of `output`, or one is not a lower-case digit.
    package static func decode(_ digits: some Sequence<UInt8>, into output: UnsafeMutableRawBufferPointer) -> Bool {
        var index = 0
        for digit in digits {
            guard index < 2 * output.count, !(UInt8(ascii: "A")...UInt8(ascii: "F")).contains(digit),
                let value = value(ofDigit: digit)
            else { return false }
            output[index / 2] = index.isMultiple(of: 2) ? value << 4 : output[index / 2] | value
            index += 1
        }
        return index == 2 * output.count
    }

    /// What a digit of either case stands for; nil when it is none.
    package static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
