/// Why a keystore did not do what it was asked: one of the ABI's results, and a message for the operator's log.
public struct KeystoreError: Error, Equatable, Sendable {
    /// The closed set of the ABI's results, `KESWICK_OK` left out.
    public enum Kind: Equatable, Sendable {
        /// `create`: the name is taken.
        case exists
        /// `get`, `delete`: no such name.
        case notFound
        /// A name or value outside the limits, or a configuration that cannot be used.
        case invalid
        /// The backend does not answer. Trying later may help.
        case unreachable
        /// The deadline passed.
        case timeout
        /// The backend refused the plugin's credentials or permissions.
        case denied
        /// What the backend holds under that name, or the backend itself, is damaged or foreign.
        case corrupt
        /// Anything else.
        case `internal`
    }

    /// The result that the host sees.
    public let kind: Kind

    /// What failed and what to do about it. Never holds a value or a part of one. Empty for `exists` and `notFound`.
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public static let exists = KeystoreError(.exists, "")
    public static let notFound = KeystoreError(.notFound, "")
    public static let timeout = KeystoreError(.timeout, "the deadline passed")
    public static func invalid(_ message: String) -> KeystoreError { KeystoreError(.invalid, message) }
    public static func unreachable(_ message: String) -> KeystoreError { KeystoreError(.unreachable, message) }
    public static func denied(_ message: String) -> KeystoreError { KeystoreError(.denied, message) }
    public static func corrupt(_ message: String) -> KeystoreError { KeystoreError(.corrupt, message) }
    public static func `internal`(_ message: String) -> KeystoreError { KeystoreError(.internal, message) }
}
