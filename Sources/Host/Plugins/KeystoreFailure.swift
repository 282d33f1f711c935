/// Why a keystore did not do what it was asked. Mirrors the `KESWICK_*` results of the plugin ABI, but for `busy`.
///
/// `message` is for the operator's log, never for a client.
package struct KeystoreFailure: Error, Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case exists
        case notFound
        case invalid
        case unreachable
        case timeout
        case denied
        case corrupt
        case `internal`
        /// The host's own: so many calls wait for the keystore that it was not asked. Says nothing about its state.
        case busy
    }

    package var kind: Kind
    package var message: String

    package init(_ kind: Kind, _ message: String = "") {
        self.kind = kind
        self.message = message
    }

    /// Whether nobody knows what the keystore has done, or will.
    package var isWithoutAnswer: Bool { kind == .unreachable || kind == .timeout }
}

extension KeystoreFailure: CustomStringConvertible {
    package var description: String { message.isEmpty ? "\(kind)" : "\(kind): \(message)" }
}
