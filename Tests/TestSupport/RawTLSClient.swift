/// Sends bytes as they are over TLS and returns what came back until the server closed the connection.
///
/// `openssl s_client` speaks TLS and nothing above it, so that a test can say what no HTTP client would.
package func sendRaw(
    _ bytes: [UInt8], to server: ServerProcess, as client: Deployment.Client, applicationProtocol: String = "http/1.1"
) throws -> [UInt8] {
    let process = try Subprocess(
        "openssl",
        [
            "s_client", "-connect", "127.0.0.1:\(server.port)", "-alpn", applicationProtocol, "-cert", client.certificate,
            "-key", client.key, "-quiet", "-tls1_3",
        ])
    process.write(bytes)
    // Standard input stays open: its end would end the connection from this side.
    let (output, _) = process.collect()
    process.closeInput()
    process.wait()
    return output
}

/// The same for text.
package func sendRaw(_ text: String, to server: ServerProcess, as client: Deployment.Client) throws -> String {
    String(decoding: try sendRaw(Array(text.utf8), to: server, as: client), as: UTF8.self)
}
