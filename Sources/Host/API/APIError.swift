import Envelope
import NIOCore
import SecureBytes

/// What clients are told about what went wrong.
enum APIError {
    /// The answer for an error of the rooms below. Whatever is not the client's to know stays in the error log.
    static func response(for error: any Error, _ api: API) -> Response {
        switch error {
        case let error as NameError: .error(400, error.message)
        case let error as AccessError: .error(error.status, error.message)
        case is RequestBodyError: .error(400, "invalid request body")
        case let error as KeyringError: response(for: error)
        case let error as EnvelopeError: response(for: error, api)
        default: unexpected(error, api)
        }
    }

    private static func response(for error: KeyringError) -> Response {
        switch error {
        case .keyExists: .error(400, "key already exists")
        case .keyNotFound: .error(404, "key does not exist")
        case .unreachable: .error(504, "key store is not reachable")
        case .failed(.create, _): .error(502, "failed to create key")
        case .failed(.read, _): .error(502, "failed to read key")
        case .failed(.delete, _): .error(502, "failed to delete key")
        case .failed(.list, _): .error(502, "failed to list keys")
        case .failed(.status, _): .error(502, "key store is unavailable")
        }
    }

    private static func response(for error: EnvelopeError, _ api: API) -> Response {
        switch error {
        case .notAuthentic: .error(400, "decryption failed: ciphertext is not authentic")
        case .hmacNotSupported: .error(409, "key does not support HMAC")
        case .invalidKeySize, .malformedEntry, .algorithmUnavailable, .cryptographyFailed, .randomnessUnavailable:
            unexpected(error, api)
        }
    }

    private static func unexpected(_ error: any Error, _ api: API) -> Response {
        api.logger.error("a request failed: \(error)")
        return .error(500, "internal server error")
    }
}
