/// The head of a request: what is known before its body arrives. The same for HTTP/1.1 and HTTP/2.
package struct RequestHead: Equatable {
    /// The method as sent (`PUT`).
    package var method: String
    /// The request target as sent: path and query, percent-encoded.
    package var target: String
    /// The value of `content-length`; nil when the length is not known.
    package var contentLength: Int?
    /// The certificate that a TLS proxy forwarded, and the addresses that proxies forwarded: nil unless the connection is one of a
    /// configured proxy, because from anyone else they are not to be believed.
    package var forwardedCertificate: String?
    package var forwardedFor: String?

    package init(method: String = "", target: String = "") {
        self.method = method
        self.target = target
    }
}
