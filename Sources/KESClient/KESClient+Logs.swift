import AsyncHTTPClient
import NIOCore

/// Which of a server's logs.
public enum ServerLog: String, Sendable {
    /// One event for each request: who, what, and with which result.
    case audit
    /// What went wrong inside.
    case error
}

/// The lines of a log as they are written: JSON objects, without their line ends.
public struct LogLines: AsyncSequence, Sendable {
    public typealias Element = String
    public typealias Failure = KESError

    let endpoint: Endpoint
    let body: HTTPClientResponse.Body

    public func makeAsyncIterator() -> Iterator {
        Iterator(endpoint: endpoint, parts: body.makeAsyncIterator())
    }

    public struct Iterator: AsyncIteratorProtocol {
        public typealias Failure = KESError

        // Longer than any event; a server that never ends a line must not fill the memory.
        private static let maximumLineLength = 1 << 20

        let endpoint: Endpoint
        var parts: HTTPClientResponse.Body.AsyncIterator
        private var pending = ByteBuffer()
        private var isAtEnd = false

        init(endpoint: Endpoint, parts: HTTPClientResponse.Body.AsyncIterator) {
            self.endpoint = endpoint
            self.parts = parts
        }

        public mutating func next() async throws(KESError) -> String? {
            while true {
                if let line = takeLine() {
                    // Empty lines keep a connection alive.
                    if line.isEmpty { continue }
                    return line
                }
                guard !isAtEnd else { return nil }
                guard pending.readableBytes <= Self.maximumLineLength else {
                    throw .invalidResponse(endpoint, reason: "a line of more than \(Self.maximumLineLength) bytes")
                }
                do {
                    if var part = try await parts.next() {
                        pending.discardReadBytes()
                        pending.writeBuffer(&part)
                    } else {
                        isAtEnd = true
                    }
                } catch {
                    throw ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
                }
            }
        }

        private mutating func takeLine() -> String? {
            let bytes = pending.readableBytesView
            guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
                guard isAtEnd, !bytes.isEmpty else { return nil }
                return pending.readString(length: bytes.count)
            }
            let line = pending.readString(length: end - bytes.startIndex)
            pending.moveReaderIndex(forwardBy: 1)
            return line
        }
    }
}

extension KESClient {
    /// Follows a log of the server until the caller stops to read it or the connection ends.
    public func log(_ log: ServerLog) async throws(KESError) -> LogLines {
        let path =
            switch log {
            case .audit: RequestPath("/v1/log/audit")
            case .error: RequestPath("/v1/log/error")
            }
        let (endpoint, body) = try await transport.open(
            Transport.Request(method: .GET, path: path.encoded, repeatable: true))
        return LogLines(endpoint: endpoint, body: body)
    }
}
