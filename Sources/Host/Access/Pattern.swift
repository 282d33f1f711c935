import Glibc

/// A path pattern of a policy, ready to be matched against the paths of requests.
///
/// A `*` that ends the pattern matches everything that is left. A `*` elsewhere matches any run of bytes other than `/`, the
/// empty one included. Every other byte stands for itself: `?` and `[` are not special.
///
/// Matching takes time linear in both lengths, whatever the pattern, allocates nothing and compares bytes: no Unicode equivalence
/// lets a path pass for another.
package struct Pattern: Sendable, Equatable {
    enum Form: UInt8, Sendable {
        /// Matches the equal path.
        case exact
        /// Matches what starts with the literal.
        case prefix
        /// `*` occurs in the literal.
        case glob
        /// The same, and what is left of the path after the literal does not matter.
        case globPrefix
    }

    /// The pattern as it was written.
    package let text: String
    let form: Form
    /// The pattern without the `*` that ends it.
    let literal: [UInt8]

    package init(_ text: String) {
        self.text = text
        var bytes = Array(text.utf8)
        let endsInStar = bytes.last == UInt8(ascii: "*")
        if endsInStar { bytes.removeLast() }
        let hasInnerStar = bytes.contains(UInt8(ascii: "*"))
        form =
            switch (hasInnerStar, endsInStar) {
            case (false, false): .exact
            case (false, true): .prefix
            case (true, false): .glob
            case (true, true): .globPrefix
            }
        literal = bytes
    }

    /// Whether the pattern matches `path`, which is percent-decoded.
    package func matches(_ path: String) -> Bool {
        var path = path
        return path.withUTF8 { path in
            literal.withUnsafeBufferPointer { Self.matches(form, $0, path) }
        }
    }

    /// Whether the pattern of this form and literal matches the path with these UTF-8 bytes.
    static func matches(_ form: Form, _ literal: UnsafeBufferPointer<UInt8>, _ path: UnsafeBufferPointer<UInt8>) -> Bool {
        switch form {
        case .exact: path.count == literal.count && hasPrefix(path, literal)
        case .prefix: path.count >= literal.count && hasPrefix(path, literal)
        case .glob: globMatches(literal, path, wholePath: true)
        case .globPrefix: globMatches(literal, path, wholePath: false)
        }
    }

    /// Whether `path`, which is no shorter than `literal`, starts with it.
    static func hasPrefix(_ path: UnsafeBufferPointer<UInt8>, _ literal: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = literal.baseAddress, let other = path.baseAddress, literal.count > 0 else { return true }
        // The last byte first, as nearly all paths and patterns of a server begin with `/v1/key/`. Both pointers are good for
        // `literal.count` bytes.
        return first[literal.count - 1] == other[literal.count - 1] && memcmp(first, other, literal.count) == 0
    }
}
