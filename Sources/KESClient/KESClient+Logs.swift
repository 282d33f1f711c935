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
///
/// They come over one connection, as they come: read them once, with one loop. A second iterator ends the program.
public struct LogLines: AsyncSequence, Sendable {
    public typealias Element = String
    public typealias Failure = KESError

    let endpoint: Endpoint
    let body: HTTPClientResponse.Body
    let isGzip: Bool

    public func makeAsyncIterator() -> Iterator {
        Iterator(endpoint: endpoint, parts: body.makeAsyncIterator(), gzip: isGzip ? GzipReader() : nil)
    }

    public struct Iterator: AsyncIteratorProtocol {
        public typealias Failure = KESError

        // Longer than any event; a server that never ends a line must not fill the memory.
        private static let maximumLineLength = 1 << 20

        let endpoint: Endpoint
        var parts: HTTPClientResponse.Body.AsyncIterator
        private let gzip: GzipReader?
        private var pending = ByteBuffer()
        private var isAtEnd = false

        init(endpoint: Endpoint, parts: HTTPClientResponse.Body.AsyncIterator, gzip: GzipReader?) {
            self.endpoint = endpoint
            self.parts = parts
            self.gzip = gzip
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
                if var part = try await nextPart() {
                    pending.discardReadBytes()
                    pending.writeBuffer(&part)
                } else {
                    isAtEnd = true
                }
            }
        }

        /// The next bytes of the log; nil at its end.
        private mutating func nextPart() async throws(KESError) -> ByteBuffer? {
            do {
                guard let gzip else { return try await parts.next() }
                while true {
                    if let piece = try gzip.next() { return piece }
                    guard let part = try await parts.next() else { break }
                    gzip.add(part)
                }
                if gzip.isComplete { return nil }
            } catch is GzipReader.Damaged {
                throw .invalidResponse(endpoint, reason: "its gzip coding is damaged")
            } catch {
                throw ConnectionDiagnosis.diagnose(error, endpoint: endpoint)
            }
            throw .invalidResponse(endpoint, reason: "it ends before its gzip coding does")
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
        let (endpoint, response) = try await transport.open(
            Transport.Request(method: .GET, path: path.encoded, takesGzip: true, repeatable: true))
        // An answer has one coding at most here: no other was asked for.
        let isGzip = response.headers.first(name: "content-encoding")?.lowercased() == "gzip"
        return LogLines(endpoint: endpoint, body: response.body, isGzip: isGzip)
    }
}
