/// A connection over TLS on which a test says what it likes, which no HTTP client would: `openssl s_client`.
package final class RawTLSClient {
    private let process: Subprocess
    private var received: [UInt8] = []

    /// - Parameters:
    ///   - port: of 127.0.0.1.
    ///   - applicationProtocol: `http/1.1` or `h2` (RFC 7301).
    package init(port: Int, as client: Deployment.Client, applicationProtocol: String = "http/1.1") throws {
        process = try Subprocess(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(port)", "-alpn", applicationProtocol, "-cert", client.certificate, "-key",
                client.key, "-quiet", "-tls1_3",
            ])
    }

    /// Whether the server has closed it by now.
    package var isClosed: Bool { process.hasEnded }

    package func send(_ bytes: [UInt8]) {
        process.write(bytes)
    }

    /// Reads until `isEnough` is true of what was received since the last call. False when the server closes before.
    package func read(until isEnough: ([UInt8]) -> Bool) -> Bool {
        defer { received = [] }
        while !isEnough(received) {
            let bytes = process.readOutput()
            if bytes.isEmpty { return false }
            received += bytes
        }
        return true
    }

    /// Some more bytes; none when the server has closed it.
    package func read() -> [UInt8] { process.readOutput() }

    /// Everything until the server closes it.
    package func readToEnd() -> [UInt8] {
        // Standard input stays open meanwhile: its end would end the connection from this side.
        let (output, _) = process.collect()
        process.closeInput()
        process.wait()
        return received + output
    }
}

/// Sends bytes and returns what came back until the server closed the connection.
package func sendRaw(
    _ bytes: [UInt8], to server: ServerProcess, as client: Deployment.Client, applicationProtocol: String = "http/1.1"
) throws -> [UInt8] {
    let connection = try RawTLSClient(port: server.port, as: client, applicationProtocol: applicationProtocol)
    connection.send(bytes)
    return connection.readToEnd()
}

/// The same for text.
package func sendRaw(_ text: String, to server: ServerProcess, as client: Deployment.Client) throws -> String {
    String(decoding: try sendRaw(Array(text.utf8), to: server, as: client), as: UTF8.self)
}
