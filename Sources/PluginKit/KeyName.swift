import PluginAPI

/// The name of a stored value: 1 to 128 bytes of `0-9 A-Z a-z - _ .`, not beginning with a dot.
///
/// A `KeyName` that exists is valid, so it may become a file name or the last segment of a URL path as it is.
/// Names are ordered by their bytes.
public struct KeyName: Hashable, Sendable {
    /// The name. Only ASCII, so it is its own UTF-8, and `String` compares it by its bytes.
    public let text: String

    /// Nothing when `text` is not a name.
    public init?(_ text: String) {
        var copy = text
        guard copy.withUTF8({ KeyName.isValid(UnsafeRawBufferPointer($0)) }) else { return nil }
        self.text = copy
    }

    /// Nothing when `bytes` are not a name.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard KeyName.isValid(bytes) else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// Whether `bytes` are a name.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first, bytes.count <= Int(KESWICK_NAME_MAX) else { return false }
        return first != UInt8(ascii: ".") && bytes.allSatisfy(isAllowed)
    }

    /// Whether a name may hold `byte`.
    static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

extension KeyName: Comparable {
    public static func < (left: KeyName, right: KeyName) -> Bool { left.text < right.text }
}

extension KeyName: CustomStringConvertible {
    public var description: String { text }
}
