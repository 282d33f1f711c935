import Credentials
import NIOCore
import SecureBytes

/// Who is at the other end: the peer of the connection, or the client that a TLS proxy speaks for.
struct ForwardedClient {
    var client: Connection.Client
    var address: String
    /// The proxy that says so, if there is one.
    var proxy: Identity?
    /// The certificate that it forwarded, in DER.
    var certificate: [UInt8]?
    /// Why a proxy's word says nobody, for the operator.
    var problem: String?
    /// What is wrong with the certificate, if that is the problem.
    var refusal: String?

    /// Believes forwarded headers on connections of the configured proxies only, and there demands the certificate: a proxy is not a
    /// client of its own. What it forwards has to pass the same checks as if the client had come itself.
    ///
    /// - Parameter trust: nil when any certificate will do.
    static func resolve(
        _ head: RequestHead, on connection: Connection, proxies: [Identity], _ certificates: CertificateMemory,
        _ trust: TrustStore?
    ) -> ForwardedClient {
        guard let proxy = proxy(connection, proxies) else {
            return ForwardedClient(client: connection.client, address: connection.address)
        }
        var forwarded = ForwardedClient(
            client: .withoutCertificate, address: head.forwardedFor.flatMap(lastAddress) ?? connection.address, proxy: proxy)
        switch head.forwardedCertificate {
        case nil: forwarded.problem = "forwarded no certificate"
        case ""?: forwarded.problem = "forwarded an empty certificate, or more than one"
        case let header?:
            guard let certificate = decode(header), let client = try? certificates.client(of: certificate) else {
                forwarded.problem = "forwarded what is not one percent-encoded PEM certificate"
                return forwarded
            }
            forwarded.certificate = certificate
            if let refusal = trust?.refusal(ofForwarded: certificate) {
                forwarded.problem = "forwarded a certificate that is not accepted"
                forwarded.refusal = refusal
            } else {
                forwarded.client = client
            }
        }
        return forwarded
    }

    static func isProxy(_ connection: Connection, _ proxies: [Identity]) -> Bool { proxy(connection, proxies) != nil }

    private static func proxy(_ connection: Connection, _ proxies: [Identity]) -> Identity? {
        guard !proxies.isEmpty, case .identified(let identity) = connection.client else { return nil }
        return proxies.contains(identity) ? identity : nil
    }

    /// The header holds one PEM certificate, percent-encoded (as nginx's `$ssl_client_escaped_cert`), or encoded as forms are, with a plus
    /// for each space (as Go's `url.QueryEscape`).
    ///
    /// - Returns: nil for anything else. Two in one field are what a proxy sends that appends its own to a client's: two fields and one with
    ///   both values are the same (RFC 9110, section 5.3).
    private static func decode(_ header: String) -> [UInt8]? {
        // In base64 a plus is one. Between the words of PEM's first line it can only be a space.
        let isForm = header.contains("BEGIN+CERTIFICATE")
        guard let pem = percentDecoded(isForm ? header.replacing("+", with: " ") : header) else { return nil }
        return try? pem.withUnsafeBytes { try ClientCertificate.encoded(onlyPEM: $0) }
    }

    /// A proxy appends the address that it saw: only the last one is its word, those before it are the client's.
    private static func lastAddress(_ header: String) -> String? {
        guard let last = header.split(separator: ",").last else { return nil }
        let text = last.drop { $0 == " " }
        let trimmed = String(text.prefix { $0 != " " })
        guard (try? SocketAddress(ipAddress: trimmed, port: 0)) != nil else { return nil }
        return trimmed
    }

    private static func percentDecoded(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(Hexadecimal.value(ofDigit:)),
                let low = iterator.next().flatMap(Hexadecimal.value(ofDigit:))
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
