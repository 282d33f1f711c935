import Credentials

/// The rule for the names of keys, policies and identities: 1 to 80 characters of `0-9 A-Z a-z - _`, no `-` first or last,
/// and not just `_`.
package enum Names {
    /// The most characters that a name has.
    package static let maximumLength = 80

    /// The rule as an error of the configuration file states it.
    package static let rule = "a name has 1 to 80 characters of 0-9 A-Z a-z - _, with no '-' first or last, and is not just '_'"

    /// What a name is the name of. It decides the wording of an error.
    package enum Kind: Sendable, Equatable {
        case key
        case policy
        case identity
    }

    /// Whether `name` follows the rule.
    package static func isValid(_ name: String) -> Bool {
        // The rule is for bytes: Swift compares strings by canonical equivalence, which would take U+212A for `K`.
        var name = name
        return name.withUTF8 { bytes in
            guard let first = bytes.first, let last = bytes.last, bytes.count <= maximumLength else { return false }
            guard first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else { return false }
            guard bytes.count > 1 || first != UInt8(ascii: "_") else { return false }
            return bytes.allSatisfy(isNameByte)
        }
    }

    /// Returns `name` when it follows the rule.
    ///
    /// - Throws: an error whose message is for the client (HTTP 400).
    @discardableResult
    package static func check(_ name: String, as kind: Kind) throws(NameError) -> String {
        guard isValid(name) else { throw .badName(name, kind) }
        return name
    }

    /// Whether `byte` may stand in a name.
    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }
}

/// A name or a listing pattern that breaks the rule. Answered with HTTP 400.
package enum NameError: Error, Equatable, Sendable, CustomStringConvertible {
    case badName(String, Names.Kind)
    case badListPattern(String)

    /// The message for the client. An API key in the place of a name is not repeated: answers end up in logs too.
    package var message: String {
        switch self {
        case .badName(let name, .key): "key name '\(APIKey.masked(in: name))' is empty, too long or contains invalid characters"
        case .badName(let name, .policy):
            "policy name '\(APIKey.masked(in: name))' is empty, too long or contains invalid characters"
        case .badName(let name, .identity):
            "identity '\(APIKey.masked(in: name))' is empty, too long or contains invalid characters"
        case .badListPattern(let pattern): "listing pattern '\(APIKey.masked(in: pattern))' is empty, too long or is invalid"
        }
    }

    package var description: String { message }
}
