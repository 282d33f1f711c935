import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL

/// Turns what the network libraries throw into a `KESError`.
package enum ConnectionDiagnosis {
    /// Says what `error` means for a request that was on its way to `endpoint`.
    package static func diagnose(_ error: any Error, endpoint: Endpoint) -> KESError {
        switch error {
        case let error as KESError:
            error
        case is CancellationError:
            .cancelled
        case let error as NIOConnectionError:
            .unreachable(endpoint, reason: reason(of: error))
        case let error as NIOSSLError:
            diagnose(error, endpoint: endpoint)
        case let error as NIOSSLExtraError where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
            .untrustedServer(endpoint, ServerCertificateProblem(.otherName))
        case let error as BoringSSLError:
            diagnoseEstablished(error, endpoint: endpoint)
        case let error as HTTPClientError:
            diagnose(error, endpoint: endpoint)
        case let error as IOError where connectErrors.contains(error.errnoCode):
            .unreachable(endpoint, reason: describe(errno: error.errnoCode))
        case let EstablishedConnection.Failure.system(error):
            .connectionLost(endpoint, reason: describe(errno: error.errnoCode))
        case let error as IOError:
            .connectionLost(endpoint, reason: describe(errno: error.errnoCode))
        case let error as ChannelError:
            diagnose(error, endpoint: endpoint)
        case let error as NIOHTTP2Errors.StreamClosed:
            diagnose(error, endpoint: endpoint)
        case let error as HTTPParserError:
            .connectionLost(endpoint, reason: "what came over it is not HTTP (\(error))")
        default:
            .connectionLost(endpoint, reason: String(describing: error))
        }
    }

    // What connect(2) fails with. Of connections that were established `EstablishedConnection` marks them.
    private static let connectErrors: Set<CInt> = [
        ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EACCES, ENETDOWN, EHOSTDOWN,
    ]

    private static func diagnose(_ error: NIOSSLError, endpoint: Endpoint) -> KESError {
        switch error {
        case .handshakeFailed(let cause):
            diagnose(cause, endpoint: endpoint)
        case .uncleanShutdown:
            .connectionLost(endpoint, reason: "it was cut without the end mark of TLS")
        case .noCertificateToValidate, .unableToValidateCertificate, .cannotMatchULabel, .cannotFindPeerIP:
            .untrustedServer(endpoint, ServerCertificateProblem(.otherName))
        default:
            .handshakeFailed(endpoint, reason: String(describing: error))
        }
    }

    // A failed handshake.
    private static func diagnose(_ error: BoringSSLError, endpoint: Endpoint) -> KESError {
        guard case .sslError(let stack) = error else { return .handshakeFailed(endpoint, reason: String(describing: error)) }
        let text = stack.map(\.description).joined(separator: " ")
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return .untrustedServer(endpoint, ServerCertificateProblem(.notTrusted)) }
        if let error = alert(in: text, endpoint) { return error }
        if text.contains("EOF during handshake") { return .handshakeFailed(endpoint, reason: "the server closed the connection") }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") || text.contains("HTTPS_PROXY_REQUEST") {
            return .handshakeFailed(endpoint, reason: "what answers there does not speak TLS")
        }
        return .handshakeFailed(endpoint, reason: text)
    }

    // An alert after the client's part of the handshake. A server of TLS 1.3 turns a client certificate down when the client
    // already holds the connection for established; it reads no request from it.
    private static func diagnoseEstablished(_ error: BoringSSLError, endpoint: Endpoint) -> KESError {
        guard case .sslError(let stack) = error else { return .connectionLost(endpoint, reason: String(describing: error)) }
        let text = stack.map(\.description).joined(separator: " ")
        if let error = alert(in: text, endpoint) { return error }
        return .connectionLost(endpoint, reason: text)
    }

    private static func alert(in text: String, _ endpoint: Endpoint) -> KESError? {
        if let reason = clientAlerts.first(where: { text.contains($0.mark) })?.reason {
            // Which certificate it was is known to the caller.
            return .clientRefused(endpoint, certificate: "its certificate", reason: reason)
        }
        guard let reason = otherAlerts.first(where: { text.contains($0.mark) })?.reason else { return nil }
        return .handshakeFailed(endpoint, reason: reason)
    }

    // Alerts of RFC 8446, section 6.2, as BoringSSL spells them. All of them end a handshake before any request is read. These are about
    // the client's certificate.
    private static let clientAlerts: [(mark: String, reason: String)] = [
        ("ALERT_UNKNOWN_CA", "the server does not trust this client's certificate (unknown authority)"),
        ("ALERT_BAD_CERTIFICATE", "the server turned this client's certificate down"),
        ("ALERT_UNSUPPORTED_CERTIFICATE", "the server does not accept this kind of client certificate"),
        ("ALERT_CERTIFICATE_EXPIRED", "the server says that this client's certificate is out of date"),
        ("ALERT_CERTIFICATE_REVOKED", "the server says that this client's certificate is revoked"),
        ("ALERT_CERTIFICATE_UNKNOWN", "the server does not accept this client's certificate"),
        ("ALERT_CERTIFICATE_REQUIRED", "the server requires a client certificate"),
        ("ALERT_ACCESS_DENIED", "the server denied access"),
    ]

    private static let otherAlerts: [(mark: String, reason: String)] = [
        ("ALERT_PROTOCOL_VERSION", "the server supports no TLS version that this client has (1.2 and 1.3)"),
        (
            "ALERT_HANDSHAKE_FAILURE",
            "server and client have no TLS parameters in common, or the server requires a client certificate"
        ),
    ]

    private static func diagnose(_ error: HTTPClientError, endpoint: Endpoint) -> KESError {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout:
            .unreachable(endpoint, reason: "no connection in time")
        case .tlsHandshakeTimeout:
            .unreachable(endpoint, reason: "no TLS handshake in time")
        case .cancelled:
            // Also what a request gets that is given to an HTTP/2 connection in the moment in which that closes.
            Task.isCancelled ? .cancelled : .connectionLost(endpoint, reason: "it was being closed")
        case .alreadyShutdown:
            .clientShutDown
        case .remoteConnectionClosed:
            .connectionLost(endpoint, reason: "the server closed it")
        default:
            .connectionLost(endpoint, reason: error.shortDescription)
        }
    }

    private static func diagnose(_ error: ChannelError, endpoint: Endpoint) -> KESError {
        switch error {
        case .connectTimeout: .unreachable(endpoint, reason: "no connection in time")
        case .connectPending: .unreachable(endpoint, reason: "the connection attempt was given up")
        default: .connectionLost(endpoint, reason: String(describing: error))
        }
    }

    private static func diagnose(_ error: NIOHTTP2Errors.StreamClosed, endpoint: Endpoint) -> KESError {
        // Of the streams that GOAWAY leaves out SwiftNIO says the same as of those that were cancelled, which may have been carried out.
        if error.errorCode == .refusedStream { return .notProcessed(endpoint) }
        return .connectionLost(
            endpoint, reason: "the server gave the request up (HTTP/2 error code \(error.errorCode.networkCode))")
    }

    private static func reason(of error: NIOConnectionError) -> String {
        // An error for each address that the name stands for; the first is that of the address that the system prefers.
        if let first = error.connectionErrors.first {
            switch first.error {
            case let cause as IOError: return describe(errno: cause.errnoCode)
            case ChannelError.connectTimeout: return "no connection in time"
            default: return String(describing: first.error)
            }
        }
        return "the name \"\(error.host)\" was not found"
    }

    private static func describe(errno code: CInt) -> String {
        switch code {
        case ECONNREFUSED: "connection refused (is the server running, and is this its address?)"
        case EHOSTUNREACH: "no route to host"
        case ENETUNREACH: "network is unreachable"
        case ETIMEDOUT: "connection timed out"
        case ECONNRESET: "connection reset by the server"
        case EPIPE: "the server closed it"
        default: String(cString: strerror(code))
        }
    }
}
