/// What the keyring asks of a keystore. It prints as what is done, for the log: `read key`.
package enum KeystoreOperation: Hashable, Sendable, CaseIterable {
    case create
    case read
    case delete
    case list
    case status
}

extension KeystoreOperation: CustomStringConvertible {
    package var description: String {
        switch self {
        case .create: "create key"
        case .read: "read key"
        case .delete: "delete key"
        case .list: "list keys"
        case .status: "check the keystore"
        }
    }
}

/// Why a key could not be had or changed, as far as it is a client's business.
///
/// The failure within `failed` is for code that must tell kinds of failures apart. Its message was logged and is never handed to a
/// client.
package enum KeyringError: Error, Equatable, Sendable {
    case keyExists
    case keyNotFound
    /// The keystore answered, but did not do what it was asked, or what it holds cannot be used.
    case failed(KeystoreOperation, KeystoreFailure)
    /// The keystore did not answer, or not in time, or has too much to do to be asked.
    case unreachable
}

extension KeyringError {
    init(_ operation: KeystoreOperation, _ failure: KeystoreFailure) {
        switch failure.kind {
        case .exists: self = .keyExists
        case .notFound: self = .keyNotFound
        case .unreachable, .timeout, .busy: self = .unreachable
        case .invalid, .denied, .corrupt, .internal: self = .failed(operation, failure)
        }
    }
}
