import Credentials
import Glibc
import KESClient
import TestSupport

/// `openssl s_server`: a TLS server that is not ours. It answers every request with a page about the connection, or not at all.
final class TLSServer: Sendable {
    let endpoint: Endpoint
    let directory: TemporaryDirectory
    let process: Subprocess

    var certificate: String { directory.file("server.crt") }

    struct NotStarted: Error {}

    /// - Parameters:
    ///   - arguments: how it treats clients' certificates, in `s_server`'s notation.
    ///   - root: the directory whose files it answers with, when the arguments say so.
    init(
        _ template: CertificateTemplate, key algorithm: PrivateKey.Algorithm = .ecdsaP256, answering: Bool = true,
        arguments: [String] = ["-Verify", "1"], root: String? = nil
    ) throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        let key = try PrivateKey(generating: algorithm)
        try directory.write(SelfSignedCertificate(template, key: key).pem, to: "server.crt")
        try key.pem().withUnsafeBytes { _ = try directory.write([UInt8]($0), to: "server.key") }
        process = try Subprocess(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", directory.file("server.crt"), "-key",
                directory.file("server.key"),
            ]
                + (answering ? ["-www"] : []) + arguments, directory: root)
        var text = ""
        while true {
            let bytes = process.readOutput()
            guard !bytes.isEmpty else { throw NotStarted() }
            text += String(decoding: bytes, as: UTF8.self)
            if let match = text.firstMatch(of: /ACCEPT 127\.0\.0\.1:(\d+)\n/) {
                endpoint = try Endpoint("127.0.0.1:\(match.output.1)")
                return
            }
        }
    }

    /// What a server that takes one connection (`-naccept 1`) wrote until it ended.
    func finish() -> String {
        let (output, error) = process.collect()
        process.wait()
        return String(decoding: output + error, as: UTF8.self)
    }
}

extension CertificateTemplate {
    /// For a server at these addresses, valid now.
    static func server(_ addresses: [String] = ["127.0.0.1"], validity: Int64 = 3600, since: Int64 = 60) -> CertificateTemplate {
        CertificateTemplate(
            commonName: "test", ipAddresses: addresses, usage: .clientAndServer, notBefore: Int64(time(nil)) - since,
            validity: validity)
    }
}

/// A TCP port of 127.0.0.1 that nobody answers at, for as long as the value lives.
final class ClosedPort {
    let endpoint: Endpoint
    private let descriptor: Int32

    /// - Parameter listening: connections come about, and that is all; else they are refused.
    init(listening: Bool = false) throws {
        // Bound, so that no other process gets the port.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // `sockaddr_in` is a `sockaddr` of the family AF_INET.
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard code == 0 else { throw SystemError("bind", errno) }
        guard !listening || listen(descriptor, 16) == 0 else { throw SystemError("listen", errno) }
        endpoint = try Endpoint("127.0.0.1:\(UInt16(bigEndian: address.sin_port))")
    }

    /// How many connections have come about since the last call.
    func takeConnections() -> Int {
        var count = 0
        while case let connection = accept(descriptor, nil, nil), connection >= 0 {
            close(connection)
            count += 1
        }
        return count
    }

    deinit { close(descriptor) }
}
