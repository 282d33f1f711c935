import NIOCore

extension ByteBuffer {
    /// Writes an answer in HTTP/1.1 (RFC 9112, section 4), head and body.
    ///
    /// - Parameter isChunkedKnown: Whether the client knows the chunked coding. For one that does not, an endless body ends with the connection.
    mutating func writeHTTP1(_ response: Response, date: String, keepAlive: Bool, isHead: Bool, isChunkedKnown: Bool = true) {
        // What is constant of a head takes 200 bytes at most.
        var room = 256 + date.utf8.count + (isHead ? 0 : response.body.readableBytes)
        for (name, value) in response.headers { room += name.utf8.count + value.utf8.count + 4 }
        write(atMost: room) { output in
            if response.status == 200 {
                output.put("HTTP/1.1 200 OK\r\n")
            } else {
                output.put("HTTP/1.1 ")
                output.put(decimal: response.status)
                output.put(UInt8(ascii: " "))
                output.put(reasonPhrase(response.status))
                output.put("\r\n")
            }
            if let contentType = response.contentType {
                output.put("Content-Type: ")
                output.put(contentType.value)
                output.put("\r\n")
            }
            if !response.isEndless {
                output.put("Content-Length: ")
                output.put(decimal: response.body.readableBytes)
                output.put("\r\n")
            } else if isChunkedKnown {
                output.put("Transfer-Encoding: chunked\r\n")
            }
            output.put("Date: ")
            output.put(date)
            for (name, value) in response.headers {
                output.put("\r\n")
                output.put(name)
                output.put(": ")
                output.put(value)
            }
            output.put(keepAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
            if !isHead { response.body.withUnsafeReadableBytes { output.put($0) } }
        }
    }
}

extension HTTP1Parser.Problem {
    /// What the client is told (RFC 9110, section 15).
    var response: Response {
        switch self {
        case .malformed: .error(400, "malformed HTTP request")
        case .unsupportedVersion: .error(505, "HTTP version is not supported")
        case .headTooLarge: .error(431, "request header is too large")
        }
    }
}
