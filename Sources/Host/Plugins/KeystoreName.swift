import PluginAPI

/// The names that cross the plugin interface (keswick_keystore.h, KESWICK_NAME_MAX).
enum KeystoreName {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (1...Int(KESWICK_NAME_MAX)).contains(bytes.count) && bytes.first != UInt8(ascii: ".") && bytes.allSatisfy(isAllowed)
    }

    static func isValid(_ name: String) -> Bool {
        (1...Int(KESWICK_NAME_MAX)).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy(isAllowed)
    }

    /// Whether `text` may be a prefix of names, or a name to go on after: empty, or like a name.
    static func isValidBound(_ text: String) -> Bool { text.isEmpty || isValid(text) }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }
}
