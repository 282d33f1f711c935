import NIOCore

extension ByteBuffer {
    /// Writes an answer in HTTP/1.1 (RFC 9112, section 4), head and body.
    ///
    /// - Parameter isChunkedKnown: Whether the client knows the chunked coding. For one that does not, an endless body ends with the connection.
    mutating func writeHTTP1(_ response: Response, date: String, keepAlive: Bool, isHead: Bool, isChunkedKnown: Bool = true) {
        if response.status == 200 {
            writeStaticString("HTTP/1.1 200 OK\r\n")
        } else {
            writeStaticString("HTTP/1.1 ")
            writeString(String(response.status))
            writeStaticString(" ")
            writeStaticString(reasonPhrase(response.status))
            writeStaticString("\r\n")
        }
        if let contentType = response.contentType {
            writeStaticString("Content-Type: ")
            writeStaticString(contentType.value)
            writeStaticString("\r\n")
        }
        if !response.isEndless {
            writeStaticString("Content-Length: ")
            writeString(String(response.body.readableBytes))
            writeStaticString("\r\n")
        } else if isChunkedKnown {
            writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        writeStaticString("Date: ")
        writeString(date)
        for (name, value) in response.headers {
            writeStaticString("\r\n")
            writeString(name)
            writeStaticString(": ")
            writeString(value)
        }
        writeStaticString(keepAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        if !isHead { writeImmutableBuffer(response.body) }
    }
}
